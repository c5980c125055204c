"""The sample file."""

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskUrl
from taskmanager.programs.demo.files import read_messages
from taskmanager.programs.demo.options import SAMPLE
from taskmanager.programs.demo.workspace import Workspace

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_requests", CHECKOUT / "loadtests" / "generate_requests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_what_the_generator_writes(generator):
    assert SAMPLE.read_text(encoding="utf-8") == generator.render()


def test_another_seed_makes_another_file(generator):
    assert generator.render(seed=1, count=50) != generator.render(seed=2, count=50)


def test_it_holds_three_thousand_varied_messages():
    messages = list(read_messages(SAMPLE, Workspace.standing().topic_roles))
    ids = Counter(message.task_id for message in messages if message.task_id)

    assert len(messages) == 3_000
    assert SAMPLE.stat().st_size < 1_500_000
    assert 100 < sum(message.task_id is None for message in messages) < 500
    assert 20 < sum(count > 1 for count in ids.values()) < 100
    assert len({message.value for message in messages}) > 2_900


def test_it_names_none_but_example_domains():
    text = SAMPLE.read_text(encoding="utf-8")
    hosts = re.findall(r"https?://(?:[^/\"@]*@)?([^/:\"]+)", text) + re.findall(r"@([\w.-]+)\"", text)

    assert len(hosts) > 5_000
    allowed = re.compile(r"(?:.*\.)?(?:example\.(?:com|org|net)|[^.]+\.example)|192\.168\.1\.10").fullmatch
    assert {host for host in hosts if not allowed(host)} == set()


def test_nearly_all_addresses_are_valid():
    messages = list(read_messages(SAMPLE, Workspace.standing().topic_roles))
    urls = [re.search(r'"(?:originalUrl|base_url)":"([^"]+)"', (m.value or b"").decode()) for m in messages]
    refused = 0
    for match in urls:
        assert match is not None
        try:
            TaskUrl(match[1])
        except InvalidValue:
            refused += 1

    assert 3 <= refused <= 40
