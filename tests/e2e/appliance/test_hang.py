"""Processes that are frozen below a real guard, which is to see it and to replace them."""

import signal
from collections.abc import Callable
from time import monotonic

import psutil
import pytest

from .conftest import Appliance
from .outside import events, until_ready

HANG = 5
PULSES = {"consumer 0": "consumer-00", "relay": "relay"}


def frozen(appliance: Appliance, program: str) -> psutil.Process:
    """A process of the appliance, which from now on does nothing."""
    process = appliance.programs()[program]
    process.send_signal(signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        assert appliance.process.poll() is None
    return process


@pytest.mark.parametrize("program", PULSES)
def test_a_frozen_process_is_killed_and_replaced(
    start_appliance: Callable[..., Appliance], program: str, tell: Callable[[str], None]
) -> None:
    appliance = start_appliance(GUARD_HANG=str(HANG), POSTGRES_QUERY_TIMEOUT="1")
    until_ready(appliance)
    while not (appliance.run_directory / "pulse" / PULSES[program]).exists():
        assert appliance.process.poll() is None
    others = {name: process.pid for name, process in appliance.programs().items() if name != program}
    victim = frozen(appliance, program)
    began = monotonic()
    while (successor := appliance.programs().get(program)) is None or successor.pid == victim.pid:
        assert appliance.process.poll() is None, appliance.log.read_text()
    tell(f"{program}: frozen, and replaced after {monotonic() - began:.1f} s")

    (told,) = events(appliance, "hung_process_killed")
    assert (told["process_pid"], told["process_state"]) == (victim.pid, "stopped")
    assert monotonic() - began >= HANG
    assert {name: process.pid for name, process in appliance.programs().items() if name != program} == others
    assert appliance.stop() == 0


def test_a_frozen_guard_ends_the_container_for_kubernetes_to_see(start_appliance: Callable[..., Appliance]) -> None:
    appliance = start_appliance(GUARD_HANG=str(HANG), GRACEFUL_SHUTDOWN_TIMEOUT="1")
    until_ready(appliance)
    frozen(appliance, "guard")
    assert appliance.process.wait(90) == 70
    assert b"guard: it showed no sign of life for 6 s" in appliance.log.read_bytes()
    assert appliance.leftovers() == []
