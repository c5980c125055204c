"""Reports around an application: they begin after it, end with it, and never stand in its way."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog

from taskmanager.application.use_cases.report_system import ReportSystem
from taskmanager.config.settings import load_settings
from taskmanager.domain.events import HealthCheck, SystemEvent
from taskmanager.infrastructure.telemetry.error_lines import ErrorLines
from taskmanager.programs.reporting import Reported, Reporting


class Application:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failure: Exception | None = None

    async def start(self) -> None:
        self.calls.append("start")
        if self.failure is not None:
            raise self.failure

    async def wait(self) -> None:
        self.calls.append("wait")

    async def stop(self) -> None:
        self.calls.append("stop")
        if self.failure is not None:
            raise self.failure

    async def health(self) -> Mapping[str, str]:
        return {"database": "ok"}


class Outlet:
    def __init__(self) -> None:
        self.sent: list[SystemEvent] = []
        self.heard = asyncio.Event()

    def send(self, event: SystemEvent) -> None:
        self.sent.append(event)
        self.heard.set()

    def dropped(self, reason: str, count: int) -> None:
        raise AssertionError(f"{count} {reason}")

    def poll(self) -> None:
        return None


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def outlet() -> Outlet:
    return Outlet()


@pytest.fixture
def reported(application: Application, outlet: Outlet) -> Reported:
    report = ReportSystem("x", outlet, ErrorLines(), dict, application.health, interval=1000, mask=str)
    return Reported(application, report)


async def test_reports_begin_after_the_start_and_end_with_the_stop(
    reported: Reported, application: Application, outlet: Outlet
) -> None:
    await reported.start()
    async with asyncio.timeout(10):
        await outlet.heard.wait()
    await reported.wait()
    await reported.stop()
    await reported.stop()

    (event,) = outlet.sent
    assert isinstance(event, HealthCheck)
    assert event.checks == {"database": "ok"}
    assert application.calls == ["start", "wait", "stop", "stop"]
    assert _reports_under_way() == []


async def test_stop_before_start_stops_the_application(reported: Reported, application: Application) -> None:
    await reported.stop()

    assert application.calls == ["stop"]


async def test_an_application_that_does_not_start_is_not_reported_on(
    reported: Reported, application: Application
) -> None:
    application.failure = OSError("taken")
    with pytest.raises(OSError, match="taken"):
        await reported.start()

    assert _reports_under_way() == []


async def test_reports_end_also_where_the_drain_fails(reported: Reported, application: Application) -> None:
    await reported.start()
    application.failure = OSError("lost")
    with pytest.raises(OSError, match="lost"):
        await reported.stop()

    assert _reports_under_way() == []


def test_without_an_interval_the_application_is_left_alone(application: Application) -> None:
    reporting = Reporting(load_settings({"SYSTEM_EVENTS_INTERVAL": "0"}), "x")

    assert reporting.around(lambda: application) is application
    assert reporting.errors is None
    reporting.close()


def test_an_application_runs_without_reports_if_they_cannot_be_made(application: Application, tmp_path: Path) -> None:
    certificates = tmp_path / "ca.pem"
    certificates.write_text("no certificate")
    environ = {"KAFKA_SSL_ENABLED": "true", "KAFKA_SSL_CA_FILE": str(certificates), "METRICS_ENABLED": "false"}
    reporting = Reporting(load_settings(environ), "x")
    with structlog.testing.capture_logs() as lines:
        assert reporting.around(lambda: application) is application
    reporting.close()

    assert [line["event"] for line in lines] == ["system_events_off"]


def test_a_program_without_room_for_its_metric_files_runs_without_reports(
    application: Application, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    reporting = Reporting(load_settings({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "file" / "metrics")}), "x")
    with structlog.testing.capture_logs() as lines:
        assert reporting.around(lambda: application) is application

    assert [line["event"] for line in lines] == ["system_events_off"]


def _reports_under_way() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "system-events" and not task.done()]
