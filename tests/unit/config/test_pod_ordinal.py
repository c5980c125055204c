"""Which of several containers this one is."""

import pytest

from taskmanager.config.app import pod_ordinal
from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import load_settings


@pytest.mark.parametrize(
    ("hostname", "ordinal"),
    [
        ("task-manager-0", 0),
        ("task-manager-12", 12),
        ("tm-9999", 9999),
        ("task-manager-7d9f8b6c5-x2x4z", None),
        ("task-manager-7d9f8b6c5-24568", None),
        ("task-manager-01", None),
        ("ip-10-0-0-7", None),
        ("3f2a91c04b7e", None),
        ("localhost", None),
        ("-1", None),
        ("tm-1\n", None),
        ("", None),
    ],
)
def test_a_statefulset_pods_name_ends_in_its_ordinal(hostname: str, ordinal: int | None) -> None:
    assert pod_ordinal(hostname) == ordinal


def test_the_ordinal_defaults_to_that_of_the_pod() -> None:
    assert load_settings({"HOSTNAME": "tm-2", "CONSUMER_REPLICAS": "3"}).app.pod_ordinal == 2


def test_the_ordinal_is_zero_where_the_name_says_nothing() -> None:
    assert load_settings({"HOSTNAME": "web", "CONSUMER_REPLICAS": "3"}).app.pod_ordinal == 0


@pytest.mark.parametrize(("given", "ordinal"), [("0", 0), ("1", 1), ("", 2)])
def test_a_given_ordinal_wins_over_the_pods_name(given: str, ordinal: int) -> None:
    settings = load_settings({"HOSTNAME": "tm-2", "POD_ORDINAL": given, "CONSUMER_REPLICAS": "3"})
    assert settings.app.pod_ordinal == ordinal


@pytest.mark.parametrize("environ", [{"HOSTNAME": "tm-3"}, {"POD_ORDINAL": "3"}])
def test_an_ordinal_that_is_not_below_the_replicas_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"POD_ORDINAL='3': must be below CONSUMER_REPLICAS, which is 3"):
        load_settings(environ | {"CONSUMER_REPLICAS": "3"})


def test_bad_replicas_are_not_blamed_on_the_ordinal() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"POD_ORDINAL": "3", "CONSUMER_REPLICAS": "none"})
    assert [mistake.name for mistake in caught.value.mistakes] == ["CONSUMER_REPLICAS"]
