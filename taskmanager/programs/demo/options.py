"""What the caller of the demo asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from taskmanager.programs.demo.workspace import STANDING, Workspace

GENTLE_RATE = 50.0
# The workers of the demo are done after some 8 s: what they leave lying is started again while one looks on.
_SHORT_LEASES = {"TASK_TIMEOUT": "60", "TASK_HEARTBEAT_TIMEOUT": "20", "TASK_RETRY_BACKOFF": "5"}
SAMPLE = Path(__file__).parents[3] / "loadtests" / "profiles" / "sample-requests.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The flags of `bin/run`; `--help` tells what each does."""

    requests: Path | None = None
    once: bool = False
    workers: bool = True
    idle: bool = False
    consumers: int = 2
    port: int | None = None
    keep: bool = False
    rate: float | None = None
    seed: int = 1
    workspace: str = STANDING

    @property
    def file(self) -> Path:
        """What is played."""
        return self.requests or SAMPLE

    @property
    def endless(self) -> bool:
        """Whether the sample is played again and again."""
        return self.requests is None and not self.once

    @property
    def paced(self) -> bool:
        """Whether messages keep their distance; a run with an end goes as fast as it can unless a rate is given."""
        return self.rate is not None or not self.once

    @property
    def interval(self) -> float:
        """Seconds from one request to the next."""
        return 1 / (self.rate or GENTLE_RATE)

    def leases(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """What the appliance is told of leases: short ones where our workers go on, if `environment` says nothing."""
        short = self.workers and not self.once and not self.idle and _SHORT_LEASES.keys().isdisjoint(environment)
        return _SHORT_LEASES if short else {}

    def make_workspace(self) -> Workspace:
        """Where to play: a passing one for `--once` without `--keep`."""
        return Workspace.fresh() if self.once and not self.keep else Workspace.standing(self.workspace)
