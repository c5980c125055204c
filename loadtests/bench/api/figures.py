"""From the rounds of a run to its figures."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from loadtests.bench.api.load import Outcome
from loadtests.bench.api.servers import OURS


class Round(NamedTuple):
    """One server under load for some seconds; microseconds of CPU per request by program."""

    outcome: Outcome
    seconds: float
    cpu: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Answers per second after the warm-up."""
        return self.outcome.in_window / self.seconds


class Figures(NamedTuple):
    """Medians of the rounds of one server and one kind of request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu: Mapping[str, float]

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> "Figures":
        """Each figure's median by itself; at least one round is needed."""
        return cls(
            median(one.per_second for one in rounds),
            median(one.outcome.p50_ms for one in rounds),
            median(one.outcome.p99_ms for one in rounds),
            {program: median(one.cpu[program] for one in rounds) for program in rounds[0].cpu},
        )

    def document(self) -> dict[str, float]:
        """For machines."""
        return {
            "perSecond": round(self.per_second),
            "p50Ms": round(self.p50_ms, 2),
            "p99Ms": round(self.p99_ms, 2),
            **{f"{program}CpuMicros": round(micros, 1) for program, micros in self.cpu.items()},
        }


def document(kinds: Mapping[str, Mapping[str, Figures]]) -> str:
    """All of it in one line of JSON: kind, server, figures."""
    lines: dict[str, dict[str, Any]] = {
        kind: {name: figures.document() for name, figures in servers.items()} for kind, servers in kinds.items()
    }
    return json.dumps(lines)


def table(servers: Mapping[str, Figures]) -> str:
    """A line for each server, the fastest first, and how many times as fast as each peer ours is."""
    programs = list(next(iter(servers.values())).cpu)
    head = f"{'':<12} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}   {'ours is':>8}   CPU µs: "
    lines = [head + " ".join(f"{program:>10}" for program in programs)]
    ours = servers.get(OURS)
    for name, figures in sorted(servers.items(), key=lambda item: -item[1].per_second):
        times = f"{ours.per_second / figures.per_second:.2f} ×" if ours is not None and name != OURS else ""
        speed = f"{name:<12} {figures.per_second:>10,.0f} {figures.p50_ms:>8.2f} {figures.p99_ms:>8.2f}   {times:>8}"
        lines.append(f"{speed}           " + " ".join(f"{figures.cpu[program]:>10.1f}" for program in programs))
    return "\n".join(lines)
