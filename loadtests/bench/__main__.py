"""`bin/bench`."""

import click

from loadtests.bench.abuse.command import command as abuse
from loadtests.bench.api.command import command as api
from loadtests.bench.footprint import command as footprint
from loadtests.bench.ingest import command as ingest
from loadtests.bench.latency import command as latency
from loadtests.bench.reads import command as reads
from loadtests.bench.relay import command as relay


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Measure the service on the embedded stack, which is started if it is not up.

    Numbers from a shared machine are noisy: compare within one run, and quote medians of several.
    """


main.add_command(abuse)
main.add_command(api)
main.add_command(footprint)
main.add_command(ingest)
main.add_command(latency)
main.add_command(reads)
main.add_command(relay)

if __name__ == "__main__":
    main(prog_name="bin/bench")
