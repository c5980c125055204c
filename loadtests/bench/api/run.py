"""The run: rounds of load on each server in turn, and the count of what they have made."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from loadtests.bench.api.cpu import cpu_seconds, spent
from loadtests.bench.api.databases import checkpoint, count, fresh_database, processes, some_ids
from loadtests.bench.api.figures import Figures, Round
from loadtests.bench.api.load import Job, Outcome
from loadtests.bench.api.refusals import check_refusals
from loadtests.bench.api.requests import creates, reads
from loadtests.bench.api.servers import launch, serving
from loadtests.bench.api.toolchains import ToolchainError
from taskmanager.application.read_model import TaskView
from taskmanager.devstack import StackInfo
from taskmanager.devstack.ports import choose

_DIFFERENT_REQUESTS = 20_000
_WARM_UP_SECONDS = 1.0
_MARGIN_SECONDS = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard."""

    connections: int
    rounds: int
    seconds: float


@dataclass(slots=True)
class Contender:
    """A server that is up."""

    name: str
    database: str
    port: int
    token: str
    process: psutil.Process
    created: int = 0
    rounds: dict[str, list[Round]] = field(default_factory=dict)


class ApiBenchmark:
    """One run over the named servers; `say` is told what goes on."""

    def __init__(self, info: StackInfo, local: Path, plan: Plan, say: Say) -> None:
        self._info = info
        self._local = local
        self._plan = plan
        self._say = say

    def run(self, names: Sequence[str]) -> dict[str, dict[str, Figures]]:
        """Figures by kind of request and server.

        Raises `RuntimeError` if a server failed or took what it has to refuse, or if there is not exactly one task,
        event and count for each 201.
        """
        with ExitStack() as stack:
            contenders = [self._start(name, stack) for name in names]
            running = [contender for contender in contenders if contender is not None]
            if not running:
                raise RuntimeError("none of the servers can run on this machine")
            self._measure("post", running, 201, lambda one: list(creates(_DIFFERENT_REQUESTS, one.token)))
            for contender in running:
                self._check(contender)
            ids = {one.name: some_ids(self._info, one.database, _DIFFERENT_REQUESTS) for one in running}
            self._measure("get", running, 200, lambda one: list(reads(ids[one.name], one.token)))
            return {
                kind: {contender.name: Figures.of(contender.rounds[kind]) for contender in running}
                for kind in ("post", "get")
            }

    def _start(self, name: str, stack: ExitStack) -> Contender | None:
        database = stack.enter_context(fresh_database(self._info))
        port = choose()
        self._say(f"starting {name}")
        try:
            launched = launch(name, self._local, self._info, database, port)
        except ToolchainError as reason:
            self._say(f"{name} is left out: {reason}")
            return None
        process = stack.enter_context(serving(launched, port, self._local / f"{name}.log"))
        self._say(f"{name} refuses all {check_refusals(name, port, launched.token)} requests that it must")
        return Contender(name, database, port, launched.token, process)

    def _measure(
        self, kind: str, contenders: Sequence[Contender], status: int, requests: Callable[[Contender], list[str]]
    ) -> None:
        for number in range(self._plan.rounds):
            # Another one begins each time, so that none always follows the same neighbour.
            first = number % len(contenders)
            for contender in (*contenders[first:], *contenders[:first]):
                checkpoint(self._info)
                measured = self._load(contender, requests(contender), status)
                contender.rounds.setdefault(kind, []).append(measured)
                if status == 201:
                    contender.created += measured.outcome.answered
                self._say(
                    f"{kind} round {number + 1} of {self._plan.rounds}: {contender.name:<12}"
                    f" {measured.per_second:>9,.0f} /s   p99 {measured.outcome.p99_ms:>7.2f} ms"
                )

    def _load(self, contender: Contender, requests: list[str], status: int) -> Round:
        job = Job(
            port=contender.port,
            requests=requests,
            status=status,
            connections=self._plan.connections,
            warm_up_seconds=_WARM_UP_SECONDS,
            seconds=self._plan.seconds,
        )
        before = self._cpu(contender)
        outcome = _generate(contender.name, job)
        after = self._cpu(contender)
        _check_answer(contender.name, outcome)
        seconds = {program: spent(before[program], after[program]) for program in after}
        seconds["generator"] = outcome.cpu_seconds
        cpu = {program: total / outcome.answered * 1e6 for program, total in seconds.items()}
        return Round(outcome, self._plan.seconds, cpu)

    def _cpu(self, contender: Contender) -> dict[str, dict[int, float]]:
        server = [contender.process.pid, *(child.pid for child in contender.process.children(recursive=True))]
        return {
            "server": cpu_seconds(server),
            "postgres": cpu_seconds(processes(self._info, contender.database)),
        }

    def _check(self, contender: Contender) -> None:
        made = count(self._info, contender.database)
        if set(made) != {contender.created}:
            raise RuntimeError(f"{contender.name} answered 201 {contender.created:,} times but made {made}")
        self._say(f"{contender.name}: {contender.created:,} answers, as many tasks, events and counts")


def _generate(name: str, job: Job) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.bench.api.generator"],
        input=msgspec.json.encode(job),
        capture_output=True,
        timeout=job.warm_up_seconds + job.seconds + _MARGIN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.decode().strip() or 'the load generator was ended'}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def _check_answer(name: str, outcome: Outcome) -> None:
    """Every server has to answer with the whole task."""
    try:
        msgspec.json.decode(outcome.sample, type=TaskView)
    except msgspec.ValidationError as error:
        raise RuntimeError(f"{name} answered with something else than a task: {error}") from None
