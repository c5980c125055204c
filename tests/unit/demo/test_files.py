"""The file format of the player."""

import os
import threading
from pathlib import Path

import pytest

from taskmanager.programs.demo import files
from taskmanager.programs.demo.files import PlayFileError, check_file, parse_line, read_messages, regular_file
from taskmanager.programs.demo.messages import Message, Role

ID = "0190f1c2-7a3b-7cde-8f01-23456789abcd"
TOPICS = {"requests": Role.REQUESTS, "status": Role.STATUS, "task-status": Role.STATUS}


def parse(line: str | bytes) -> Message:
    return parse_line(line.encode() if isinstance(line, str) else line, TOPICS, "f line 1")


def test_an_object_without_a_messages_members_is_a_request_body_sent_as_it_stands():
    body = '{"userEmail": "ann@example.com",  "n": 1e400, "n": NaN, "s": "\\ud800"}'

    assert parse(f"  {body}\r\n") == Message(Role.REQUESTS, None, body.encode(), (), "f line 1")


def test_a_message_has_headers_key_value_and_topic():
    message = parse(f'{{"topic":"status","headers":{{"id":"{ID}","x":null}},"key":"k\\u00e9y","value":{{"a": 1}}}}')

    assert message.role is Role.STATUS
    assert message.headers == (("id", ID.encode()), ("x", None))
    assert message.key == "kéy".encode()
    assert message.value == b'{"a": 1}'


@pytest.mark.parametrize("name", ["status", "task-status"])
def test_a_topic_is_named_by_its_role_or_its_real_name(name):
    assert parse(f'{{"topic":"{name}","value":1}}').role is Role.STATUS


def test_a_list_of_pairs_gives_repeated_headers_in_their_order():
    message = parse('{"headers":[["id","a"],["id","b"],["n",null]],"value":1}')

    assert message.headers == (("id", b"a"), ("id", b"b"), ("n", None))


@pytest.mark.parametrize("line", ['{"key":"k"}', '{"key":"k","value":null}', '{"value": null }'])
def test_no_value_or_null_is_a_tombstone(line):
    assert parse(line).value is None


def test_base64_gives_raw_bytes():
    assert parse('{"valueBase64":"/wAB"}').value == b"\xff\x00\x01"
    assert parse('{"valueBase64":""}').value == b""


@pytest.mark.parametrize("header", ["id", "task_id"])
def test_without_a_key_the_id_is_the_key_as_a_gateway_would_have_it(header):
    assert parse(f'{{"headers":{{"{header}":"{ID}"}},"value":1}}').key == ID.encode()


def test_a_key_of_null_is_no_key():
    assert parse(f'{{"headers":{{"id":"{ID}"}},"key":null,"value":1}}').key is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "not a JSON object"),
        ('{"value":1', "not a JSON object"),
        ('{"headers":{"a":1},"value":1}', "header 'a' must be a string or null"),
        ('{"headers":{"a":["x"]},"value":1}', "header 'a' must be a string or null"),
        ('{"headers":"id","value":1}', "headers must be an object"),
        ('{"headers":[["a"]],"value":1}', "headers must be an object, or a list"),
        ('{"headers":[["a","b","c"]],"value":1}', "headers must be an object, or a list"),
        ('{"headers":{"":"x"},"value":1}', "name must not be empty"),
        ('{"headers":{"a\\u0000b":"x"},"value":1}', "NUL"),
        ('{"headers":{"a":"\\ud800"},"value":1}', "header 'a' holds a lone surrogate"),
        (b'{"headers":{"a":"\xff"},"value":1}', "headers is not UTF-8"),
        ('{"headers":' + "[" * 5000 + "]" * 5000 + "}", "headers is nested too deeply"),
        ('{"key":1,"value":1}', "key must be a string or null"),
        ('{"key":"\\udc00","value":1}', "key holds a lone surrogate"),
        ('{"valueBase64":1}', "valueBase64 must be a string"),
        ('{"valueBase64":"a"}', "not valid base64"),
        ('{"valueBase64":"a b="}', "not valid base64"),
        ('{"valueBase64":"YQ==","value":1}', "exclude each other"),
        ('{"topic":"other","value":1}', 'topic "other" is none of requests, status, task-status'),
        ('{"topic":null,"value":1}', "topic null is none of"),
        ('{"headers":{},"vlaue":1}', "unknown member 'vlaue'"),
    ],
)
def test_a_mistake_is_named(line, problem):
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(line)

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "key", "task_id"),
    [
        ((("id", ID.encode()),), None, ID),
        ((("task_id", ID.upper().encode()),), None, ID),
        ((), ID.encode(), ID),
        ((("id", b"nonsense"),), ID.encode(), None),
        ((("id", None),), ID.encode(), ID),
        ((), None, None),
        ((), b"\xff", None),
    ],
)
def test_the_tasks_id_is_in_the_headers_or_else_the_key(headers, key, task_id):
    assert Message(Role.REQUESTS, key, b"", headers, "").task_id == task_id


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "my.jsonl"
    path.write_bytes(content)
    return path


def test_blank_lines_a_byte_order_mark_and_a_missing_last_line_end_do_not_matter(tmp_path):
    path = written(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\n   \n{"b":2}')

    assert [(message.origin, message.value) for message in read_messages(path, TOPICS)] == [
        ("my.jsonl line 1", b'{"a":1}'),
        ("my.jsonl line 4", b'{"b":2}'),
    ]


def test_the_check_counts_the_messages_and_names_file_and_line_of_the_first_mistake(tmp_path):
    assert check_file(written(tmp_path, b'{"a":1}\n{"b":2}\n'), TOPICS) == 2

    path = written(tmp_path, b'{"a":1}\n\nnonsense\n')
    with pytest.raises(PlayFileError) as caught:
        check_file(path, TOPICS)
    assert str(caught.value) == f"{path}, line 3: not a JSON object: expected {{ at byte 1"


def test_a_line_that_no_topic_takes_is_refused_before_it_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LINE_MAX", 2**20)
    path = written(tmp_path, b'{"a":1}\n{"a":"' + b"x" * (2**20) + b'"}\n')

    with pytest.raises(PlayFileError, match="line 2: longer than 1 MiB"):
        check_file(path, TOPICS)


def test_a_pipe_is_copied_so_that_it_can_be_read_twice(tmp_path):
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b'{"a":1}\n',))
    writer.start()

    with regular_file(str(pipe)) as path:
        writer.join()
        assert path is not None
        assert check_file(path, TOPICS) == 1
        assert check_file(path, TOPICS) == 1
    assert not path.exists()
