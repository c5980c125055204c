"""bin/scale on a whole appliance while requests flow."""

import subprocess
from collections.abc import Callable

from tests.scratch import ScratchDatabase

from .conftest import ROOT, Appliance
from .outside import events, figures, scale, until_ready, verify

LOAD_SECONDS = 25
PROGRESS = 100


def await_progress(appliance: Appliance, database: ScratchDatabase) -> None:
    """Returns when more requests have come through; the test's own time limit ends a wait in vain."""
    tasks = "select count(*) from web_crawl_tasks"
    before = database.value(tasks)
    while database.value(tasks) < before + PROGRESS:
        assert appliance.process.poll() is None, appliance.log.read_text()


def consumers(appliance: Appliance) -> set[str]:
    return {name for name in appliance.programs() if name.startswith("consumer")}


def test_it_is_scaled_up_and_down_under_load_within_seconds_and_loses_nothing(
    start_appliance: Callable[..., Appliance], empty_database: ScratchDatabase, tell: Callable[[str], None]
) -> None:
    appliance = start_appliance(CONSUMER_PROCESSES="1")
    until_ready(appliance)
    assert consumers(appliance) == {"consumer 0"}
    loading = subprocess.Popen(
        [ROOT / "bin" / "loadtest", "--seconds", str(LOAD_SECONDS), "--users", "8", "--json"],
        env=appliance.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with loading:
        await_progress(appliance, empty_database)
        for before, wanted in ((1, 4), (4, 2)):
            answer = scale(appliance, str(wanted))
            tell(f"scaled {before} → {wanted} in {answer['seconds']:.2f} s")
            assert (answer["from"], answer["wanted"]) == (before, wanted)
            assert answer["seconds"] < 5
            assert consumers(appliance) == {f"consumer {slot}" for slot in range(wanted)}
            await_progress(appliance, empty_database)
        assert loading.poll() is None, "the load ended before the scaling was done"
        loading.wait(60)
    assert loading.returncode == 0

    page = figures(appliance)
    assert page["taskmanager_consumers_wanted"] == 2
    up = {name.split()[1]: value for name, value in page.items() if name.startswith("taskmanager_process_up ")}
    assert {name for name in up if name.startswith("consumer")} == {"consumer-00", "consumer-01"}
    assert set(up.values()) == {1.0}

    while (found := verify(appliance))["lag"]:
        assert appliance.process.poll() is None
    assert found["clean"], found
    assert found["tasks"] > 2 * PROGRESS
    assert events(appliance, "hung_process_killed") == []
    assert appliance.stop() == 0
    assert appliance.leftovers() == []
