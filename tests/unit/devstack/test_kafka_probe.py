"""Asking a broker who it is."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from taskmanager.devstack.kafka_probe import serving_cluster

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that reads one request, sends the given bytes and closes; returns its port."""
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def answer_once() -> None:
            with listener, listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        threads.append(thread)
        return listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join(timeout=5)


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def broker(node: int, rack: bytes = struct.pack(">h", -1)) -> bytes:
    return struct.pack(">i", node) + text("127.0.0.1") + struct.pack(">i", 9092) + rack


def metadata(*brokers: bytes, cluster: str = "the-cluster", correlation: int = 1) -> bytes:
    return framed(
        struct.pack(">ii", correlation, len(brokers)) + b"".join(brokers) + text(cluster) + struct.pack(">ii", 1, 0)
    )


@pytest.mark.parametrize("brokers", [(broker(1),), (broker(1, text("rack-a")), broker(2))])
def test_it_tells_the_cluster_id(serve, brokers):
    assert serving_cluster("127.0.0.1", serve(metadata(*brokers))) == "the-cluster"


def test_a_broker_that_is_not_yet_open_for_clients_does_not_count(serve):
    assert serving_cluster("127.0.0.1", serve(metadata())) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        framed(b""),
        framed(b"\x00\x00\x00\x01"),
        metadata(broker(1))[:-12],
        metadata(broker(1), correlation=7),
        framed(struct.pack(">ii", 1, 1000) + b"\x00" * 10),
    ],
    ids=["closed", "http", "empty", "short", "cut", "other answer", "lies about its length"],
)
def test_one_who_speaks_something_else_is_no_broker(serve, answer):
    assert serving_cluster("127.0.0.1", serve(answer)) is None


def test_nobody_there_is_no_broker():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert serving_cluster("127.0.0.1", port) is None
