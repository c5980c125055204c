"""`taskmanager offsets` as operators run it."""

import json
import re

import pytest

from taskmanager.application.commands import Partition
from taskmanager.devstack.topics import delete_topics
from tests.scratch import ScratchDatabase

from .conftest import Place


def test_what_nobody_has_read_yet_is_shown_with_its_lag(place: Place) -> None:
    place.send(place.requests, 3, partition=1)
    code, out, err = place.run("offsets", "show")

    assert (code, err) == (0, "")
    rows = [re.split(r"  +", line) for line in out.splitlines()]
    assert rows[0] == ["PARTITION", "READ UP TO", "TOPIC HOLDS", "LAG", "LAST MESSAGE", "CAME TO"]
    assert rows[2][:4] == [f"{place.requests}/1", "-", "0 to 3", "3"]


def test_offsets_that_do_not_fit_are_told_with_the_command_that_helps(place: Place) -> None:
    place.send(place.requests, 3)
    place.store(Partition(place.requests, 0), 2)
    place.store(Partition(place.requests, 1), 9)
    place.store(Partition(place.status, 0), 4, "another incarnation")
    place.store(Partition(place.status, 7), 4)
    code, out, _ = place.run("offsets", "show")

    assert code == 1
    assert f"error: {place.requests}/1: it was read up to 9, but the topic holds 0 to 0: its end was lost" in out
    assert f"what to do: taskmanager offsets reset --topic {place.requests} --partition 1 --to earliest" in out
    assert f"error: {place.status}/0: the topic was deleted and made anew since it was read up to 4" in out
    assert f"what to do: create the topic {place.status}, or add the partitions that it lacks" in out
    assert "2 skipped" in out

    code, out, _ = place.run("offsets", "show", "--json")
    assert code == 1
    shown = {(each["topic"], each["partition"]): each for each in json.loads(out)["partitions"]}
    assert {key: (each["lag"], each["problem"]) for key, each in shown.items()} == {
        (place.requests, 0): (1, None),
        (place.requests, 1): (None, "beyond_end"),
        (place.status, 0): (None, "topic_made_anew"),
        (place.status, 1): (0, None),
        (place.status, 7): (None, "topic_missing"),
    }


def test_the_remedy_that_is_told_is_one_that_works(place: Place) -> None:
    place.send(place.requests, 3)
    place.store(Partition(place.requests, 0), 4, "another incarnation")
    _, out, _ = place.run("offsets", "show")
    (command,) = re.findall(r"^what to do: taskmanager (offsets reset .*)$", out, re.MULTILINE)
    code, _, err = place.run(*command.split(), "--yes")

    assert (code, err) == (0, "")
    assert place.run("offsets", "show")[0] == 0


def test_forward_counts_what_is_left_out(place: Place) -> None:
    place.send(place.requests, 5)
    place.store(Partition(place.requests, 0), 2)
    code, out, _ = place.run("offsets", "reset", "--topic", place.requests, "--all", "--to", "latest", "--yes")

    assert code == 0
    assert f"{place.requests}/0 goes on at 5 instead of 2: what lies between is never read (3)" in out
    assert place.stored() == {(place.requests, 0): (0, 5, 5), (place.requests, 1): (0, 0, 0)}
    assert place.run("verify")[0] == 0


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_back_puts_the_ledger_away_and_history_still_adds_up(place: Place, is_made_anew: bool) -> None:
    place.send(place.requests, 5)
    place.store(Partition(place.requests, 0), 5)
    if is_made_anew:
        place.make_anew(place.requests)
        place.send(place.requests, 3)
    code, out, _ = place.run(
        "offsets", "reset", "--topic", place.requests, "--partition", "0", "--to", "1", "--yes", "--json"
    )

    assert code == 0
    assert json.loads(out)["partitions"] == [
        {"topic": place.requests, "partition": 0, "step": "retire", "from": 5, "to": 1, "warning": None}
    ]
    assert place.stored() == {(place.requests, 0): (1, 1, 0)}
    ((first, after, skipped, by, why),) = place.database.run(
        "select first_offset, next_offset, skipped, retired_by, why from retired_offsets"
    )
    assert (first, after, skipped) == (0, 5, 5)
    assert by
    assert ("made anew" in why) == is_made_anew
    code, out, _ = place.run("verify")
    assert code == 0
    assert "note: 1 partitions were reset" in out
    assert json.loads(place.run("verify", "--json")[1])["offsets"] == 5
    assert "(reset 1 times)" in place.run("offsets", "show")[1]


def test_a_ledger_that_was_put_away_is_checked_too(place: Place) -> None:
    place.store(Partition(place.requests, 0), 0)
    place.send(place.requests, 5)
    place.database.run("update consumer_offsets set next_offset = 5, created = 5")
    assert place.run("offsets", "reset", "--topic", place.requests, "--all", "--to", "earliest", "--yes")[0] == 0
    code, out, _ = place.run("verify")

    assert code == 1
    assert f"created_events: {place.requests}/0: expected 5, found 0" in out


def test_going_back_where_history_was_removed_is_warned_of(place: Place) -> None:
    place.send(place.requests, 5)
    for number in (0, 1):
        place.store(Partition(place.requests, number), 0)
    place.database.run("update consumer_offsets set next_offset = 5, created = 5 where partition = 0")
    place.database.run(
        "insert into archived_counts (source_topic, source_partition, created, applied) values (%s, 0, 5, 9)",
        (place.requests,),
    )
    before = place.stored()
    arguments = ("offsets", "reset", "--topic", place.requests, "--all", "--to", "0")
    said = f"warning: {place.requests}/0: retention has removed history of this partition (5 tasks, 9 other events)"
    code, out, err = place.run(*arguments, answer="n\n")
    assert (code, place.stored()) == (130, before)
    assert (err.count("warning: "), said in err) == (1, True)
    assert "Reset 1 of 2 partitions, 1 of them in spite of the warning? [y/N]" in out

    code, out, err = place.run(*arguments, "--yes", "--json")
    assert (code, said in err) == (0, True)
    first, second = json.loads(out)["partitions"]
    assert ("makes the task again" in first["warning"], second["warning"]) == (True, None)


def test_a_dry_run_and_a_no_change_nothing(place: Place) -> None:
    place.send(place.requests, 5)
    place.store(Partition(place.requests, 0), 5)
    before = place.stored()
    arguments = ("offsets", "reset", "--topic", place.requests, "--all", "--to", "0")
    code, out, _ = place.run(*arguments, "--dry-run")
    assert code == 0
    assert f"{place.requests}/0 goes back from 5 to 0" in out
    assert "nothing was changed" in out
    code, out, _ = place.run(*arguments, answer="n\n")
    assert code == 130
    assert "Reset 2 of 2 partitions? [y/N]" in out

    assert place.stored() == before
    code, out, _ = place.run(*arguments, answer="y\n")
    assert (code, place.stored()[place.requests, 0]) == (0, (0, 0, 0))
    assert "nothing to do" in place.run(*arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "earliest"), "choose partitions: --partition P"),
        (("--to", "earliest", "--all", "--partition", "0"), "choose partitions"),
        (("--to", "earliest", "--partition", "2"), "has 2 partitions, from 0; there is no 2"),
        (("--to", "7", "--all"), "holds the offsets 0 to 0, not 7"),
        (("--to", "soon", "--all"), "'soon' is neither earliest nor latest nor an offset"),
        (("--to", "9" * 30, "--all"), "is neither earliest nor latest nor an offset"),
        (("--to", "0", "--all", "--json"), "--json cannot ask: add --yes or --dry-run"),
        (("--to", "0", "--all", "--topic", "elsewhere"), "'elsewhere' is none of the topics that are read: "),
    ],
)
def test_mistakes_are_named(place: Place, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = place.run("offsets", "reset", "--topic", place.requests, *arguments)

    assert code == 64
    assert said in " ".join(err.split())


def test_a_topic_that_is_not_there_cannot_be_reset(place: Place) -> None:
    delete_topics(place.brokers, [place.requests])
    code, _, err = place.run("offsets", "reset", "--topic", place.requests, "--all", "--to", "0")
    assert code == 64
    assert f"Kafka has no topic '{place.requests}': create it first" in err
    place.create(place.requests)


def test_servers_that_do_not_answer_are_worth_another_try(place: Place) -> None:
    code, out, err = place.run("offsets", "show", "--wait", "0.1", POSTGRES_PORT="1")
    assert (code, out) == (75, "")
    assert "rror: " in err
    code, out, err = place.run("offsets", "show", KAFKA_BROKERS="127.0.0.1:1")
    assert (code, out) == (75, "")
    assert "cannot describe the topics" in err


def test_a_database_without_tables_says_what_to_do(place: Place, empty_database: ScratchDatabase) -> None:
    code, _, err = place.run("offsets", "show", POSTGRES_DB=empty_database.name)

    assert code == 70
    assert "taskmanager migrate" in err
