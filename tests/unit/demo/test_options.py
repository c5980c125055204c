"""What follows from the flags."""

import pytest

from taskmanager.config.settings import load_settings
from taskmanager.programs.demo.options import Options


def test_what_the_workers_leave_lying_is_started_again_soon():
    leases = Options().leases({})

    app = load_settings({"POSTGRES_PASSWORD": "secret", **leases}).app
    assert (app.task_heartbeat_timeout, app.task_timeout, app.task_retry_backoff) == (20, 60, 5)


@pytest.mark.parametrize("options", [Options(once=True), Options(idle=True), Options(workers=False)])
def test_a_run_with_an_end_and_workers_of_ones_own_keep_the_services_leases(options):
    assert options.leases({}) == {}


def test_whoever_sets_one_lease_decides_on_all():
    assert Options().leases({"TASK_RETRY_BACKOFF": "1"}) == {}
