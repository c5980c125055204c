"""What an appliance shows to the outside, and what is done to it from there."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from .conftest import ROOT, Appliance


def status(appliance: Appliance, path: str) -> int | None:
    """The status of an answer, None where nobody listens."""
    url = f"http://127.0.0.1:{appliance.environment['APP_PORT']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def until_ready(appliance: Appliance) -> None:
    """The test's own time limit ends a wait in vain."""
    while status(appliance, "/api/health/ready") != 200:
        assert appliance.process.poll() is None, appliance.log.read_text()


def figures(appliance: Appliance) -> dict[str, float]:
    """The metrics page: name and label values (in the order of the labels' names) → value."""
    url = f"http://127.0.0.1:{appliance.environment['METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        text = response.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        " ".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): sample.value
        for sample in samples
    }


def load(appliance: Appliance) -> dict[str, Any]:
    """Plays traffic for a few seconds; what bin/loadtest found."""
    answer = subprocess.run(
        [ROOT / "bin" / "loadtest", "--seconds", "4", "--users", "8", "--json"],
        env=appliance.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    summary: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return summary


def scale(appliance: Appliance, *arguments: str) -> dict[str, Any]:
    """What bin/scale says."""
    answer = subprocess.run(
        [ROOT / "bin" / "scale", *arguments, "--json"],
        env=appliance.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def verify(appliance: Appliance) -> dict[str, Any]:
    """What `taskmanager verify` finds."""
    answer = subprocess.run(
        [sys.executable, "-m", "taskmanager", "verify", "--json"],
        env=appliance.environment, capture_output=True, text=True, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert answer.stdout, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def events(appliance: Appliance, name: str) -> list[dict[str, Any]]:
    """The lines of its log with this event."""
    lines = (json.loads(line) for line in appliance.log.read_bytes().splitlines() if line.startswith(b"{"))
    return [line for line in lines if line.get("event") == name]
