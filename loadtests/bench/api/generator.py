"""The load generator's own process: a `Job` on stdin, its `Outcome` on stdout, both JSON."""

import gc
import sys
from time import process_time

import msgspec
import uvloop

from loadtests.bench.api.load import Job, LoadError, Outcome, apply
from loadtests.bench.histogram import Histogram


def main() -> int:
    """Runs the job of stdin."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    # Nothing that is made below is cyclic: a collection would only make the servers look slow.
    gc.freeze()
    gc.disable()
    began = process_time()
    try:
        load = uvloop.run(apply(job))
    except (LoadError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    spent = process_time() - began
    histogram = Histogram(load.latencies)
    outcome = Outcome(
        answered=load.answered,
        in_window=load.in_window,
        p50_ms=histogram.percentile(50),
        p99_ms=histogram.percentile(99),
        max_ms=histogram.percentile(100),
        sample=load.sample.decode(),
        cpu_seconds=spent,
    )
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
