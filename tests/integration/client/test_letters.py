"""Dead letters by way of the client and the API program."""

import pytest

from taskmanager.client import Conflict, NotFound, TaskManagerClient
from tests.scratch import ScratchDatabase

VALUE = b'{"userEmail": "ann@example.com", "userQuery": "prices", "originalUrl": "https://example.com/"}'
LETTER = """
insert into dead_letters (source_topic, source_partition, source_offset, reason, detail, key, value, headers,
    recorded_at, source_topic_id)
values (%s, 0, %s, 'unsupported_task_type', 'task_type: x', null, %s, '[["task_type", "eA=="]]', now(), 'a-topic-id')
returning id
"""


@pytest.fixture
def letters(database: ScratchDatabase, topics: dict[str, str]) -> list[int]:
    """Three letters of requests of a type that there is not."""
    topic = topics["WEB_CRAWL_REQUEST_TOPIC"]
    return [database.value(LETTER, (topic, offset, VALUE)) for offset in (1, 2, 3)]


async def test_letters_are_found_and_discarded(client: TaskManagerClient, letters: list[int]) -> None:
    desk = client.dead_letters
    listed = [letter.id async for letter in desk.list_letters(reason="unsupported_task_type", page_size=2)]
    assert listed == letters[::-1]
    assert [(count.reason, count.letters) for count in await desk.count()] == [("unsupported_task_type", 3)]
    await desk.discard(letters[0], "a test's")
    await desk.discard(letters[0])
    details = await desk.get(letters[0])
    assert (details.state, details.history[0].detail) == ("discarded", "a test's")
    assert details.message.value == VALUE.decode()
    with pytest.raises(NotFound):
        await desk.get(10**9)


async def test_letters_are_corrected_and_replayed(client: TaskManagerClient, letters: list[int]) -> None:
    desk = client.dead_letters
    still = await desk.replay(letters[0])
    assert (still.reason, still.outcome, still.state) == ("unsupported_task_type", None, "open")
    corrected = {"headers": {"task_type": "web-crawl"}}
    assert (await desk.replay(letters[0], dry_run=True, headers=corrected["headers"])).outcome == "created"
    made = await desk.replay(letters[0], headers=corrected["headers"])
    assert (made.outcome, made.state) == ("created", "replayed")
    assert made.task_id is not None
    assert (await client.get(made.task_id)).user_query == "prices"
    with pytest.raises(Conflict):
        await desk.replay(letters[0])
    rest = [
        each
        async for each in desk.replay_many(everything=True, corrected={"without_headers": ["task_type"]}, page_size=1)
    ]
    assert [each.id for each in rest] == letters[1:]
    assert {each.outcome for each in rest} == {"created"}
