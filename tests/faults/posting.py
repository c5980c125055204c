"""Callers that create tasks over HTTP, each with a key of its own, and send again until they are answered."""

import http.client
import json
from itertools import count
from threading import Event, Lock, Thread
from typing import Self

_AGAIN_SECONDS = 0.01
_TIMEOUT_SECONDS = 20.0
_NEVER = Event()


class Posting:
    """So many callers at once while the block lasts; when it is left, every request that was begun is answered.

    `answered` holds the path of the task by key, `unanswered` the keys of requests whose connection broke after they
    were sent, `replayed` those that were answered as an earlier request with that key.
    """

    def __init__(self, port: int, callers: int) -> None:
        self._port = port
        self._numbers = count()
        self._lock = Lock()
        self._stopping = Event()
        self._threads = [Thread(target=self._call, name=f"caller-{number}") for number in range(callers)]
        self._failures: list[str] = []
        self.answered: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self.replayed: set[str] = set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures[:3]

    def answers(self) -> int:
        """How many requests were answered; fails if one was answered otherwise than with its task."""
        assert not self._failures, self._failures[:3]
        return len(self.answered)

    def _call(self) -> None:
        try:
            while not self._stopping.is_set():
                with self._lock:
                    number = next(self._numbers)
                self._create(f"key-{number}", self._body(number))
        except AssertionError as error:  # a thread has nobody else to tell
            self._failures.append(str(error))

    def _create(self, key: str, body: bytes) -> None:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
            try:
                connection.connect()
            except OSError:  # nobody listens: nothing was sent
                _NEVER.wait(_AGAIN_SECONDS)
                continue
            try:
                headers = {"Content-Type": "application/json", "Idempotency-Key": key}
                connection.request("POST", "/api/tasks", body, headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                self.unanswered.add(key)
                continue
            finally:
                connection.close()
            if response.status == 503:
                _NEVER.wait(_AGAIN_SECONDS)
                continue
            assert response.status == 201, f"{key} was answered with status {response.status}"
            self.answered[key] = response.headers["Location"]
            if response.headers["Idempotency-Replayed"]:
                self.replayed.add(key)
            return

    @staticmethod
    def _body(number: int) -> bytes:
        task = {
            "userEmail": f"user{number % 500}@example.com",
            "userQuery": f"compare the prices of offer {number}",
            "originalUrl": f"https://shop{number % 100}.example.com/offers/{number}",
        }
        return json.dumps(task).encode()
