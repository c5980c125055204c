"""What the metrics page says of processes: slots that nobody wants are no trouble."""

from taskmanager.infrastructure.metrics.sources import SupervisorSource
from taskmanager.infrastructure.supervisor import ProcessState

PROCESSES = [
    ProcessState("api-00", "RUNNING", 7, 100),
    ProcessState("consumer-00", "RUNNING", 8, 101),
    ProcessState("consumer-01", "BACKOFF"),
    ProcessState("consumer-02", "RUNNING", 9, 102),
    ProcessState("consumer-03", "STOPPED"),
    ProcessState("relay", "STOPPED"),
]


async def figures(wanted: int) -> dict[str, dict[str, float]]:
    families = await SupervisorSource(lambda: PROCESSES, lambda: wanted).read()
    return {
        family.name: {sample.labels.get("process", ""): sample.value for sample in family.samples}
        for family in families
    }


async def test_spare_slots_that_are_stopped_are_not_shown_as_down() -> None:
    page = await figures(wanted=2)
    assert page["taskmanager_process_up"] == {
        "api-00": 1, "consumer-00": 1, "consumer-01": 0, "consumer-02": 1, "relay": 0,
    }  # fmt: skip
    assert set(page["taskmanager_process_state"]) == set(page["taskmanager_process_up"])
    assert page["taskmanager_consumers_wanted"] == {"": 2}


async def test_a_wanted_slot_that_does_not_run_is_down() -> None:
    assert (await figures(wanted=4))["taskmanager_process_up"]["consumer-03"] == 0
