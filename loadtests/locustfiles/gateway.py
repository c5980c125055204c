"""Plays gateway traffic into Kafka and reads the tasks back over REST.

Run it by bin/loadtest, which takes the addresses from the environment. A request counts as served when its task can be
read; how long that took is the row VISIBLE.
"""

import os
import random
import time
from collections import deque
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
import orjson
from confluent_kafka import KafkaError, Message, Producer
from locust import FastHttpUser, User, between, constant_pacing, events, task
from locust.env import Environment

TOPIC = os.environ.get("WEB_CRAWL_REQUEST_TOPIC", "requests-web-crawl")
VISIBLE_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.005
_SITES = ("www.example.com", "shop.example.org", "news.example.net", "docs.example.com")
_QUERIES = ("opening hours", "return policy", "price of the annual ticket", "Öffnungszeiten", "営業時間")

# What the brokers have taken and nobody has read yet: (task id, when it was taken).
_produced: deque[tuple[str, float]] = deque(maxlen=10_000)
_clients: dict[Environment, "Gateway"] = {}


class Gateway:
    """One producer for all users of a process; its callbacks run in a greenlet, never in librdkafka's threads."""

    def __init__(self, environment: Environment, brokers: str) -> None:
        self._environment = environment
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "message.timeout.ms": 10_000})
        self._poller = gevent.spawn(self._poll)

    def send(self, task_id: str, body: dict[str, object]) -> None:
        """Queues one request; what becomes of it is reported to Locust when the broker answers."""
        began = time.perf_counter()
        value = orjson.dumps(body)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            failure = RuntimeError(error.str()) if error is not None else None
            self._report("PRODUCE", time.perf_counter() - began, len(value), failure)
            if failure is None:
                _produced.append((task_id, time.perf_counter()))

        headers: dict[str, str | bytes | None] = {"id": task_id, "task_type": "web-crawl", "source": "loadtest"}
        try:
            self._producer.produce(TOPIC, value, key=task_id, headers=headers, on_delivery=delivered)
        except BufferError as error:
            self._report("PRODUCE", 0.0, len(value), error)

    def close(self) -> None:
        """Waits for the answers that are due."""
        self._poller.kill()
        self._producer.flush(10)

    def _poll(self) -> None:
        while True:
            self._producer.poll(0)
            gevent.sleep(_POLL_SECONDS)

    def _report(self, kind: str, seconds: float, size: int, error: Exception | None) -> None:
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=kind,
            name=TOPIC,
            response_time=seconds * 1000,
            response_length=size,
            exception=error,
            context={},
        )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def open_gateway(environment: Environment, **_: Any) -> None:
    """Connects before the first user asks."""
    _clients[environment] = Gateway(environment, os.environ["KAFKA_BROKERS"])


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def close_gateway(environment: Environment, **_: Any) -> None:
    """Hands out the last delivery reports."""
    _clients.pop(environment).close()


class GatewayUser(User):
    """A gateway that asks for a crawl twenty times a second."""

    weight = 3
    wait_time = constant_pacing(0.05)

    @task
    def request_crawl(self) -> None:
        """One new request with an id of its own."""
        task_id = str(uuid4())
        site = random.choice(_SITES)
        _clients[self.environment].send(
            task_id,
            {
                "userEmail": f"user{random.randrange(1000)}@example.com",
                "userQuery": random.choice(_QUERIES),
                "originalUrl": f"https://{site}/page/{random.randrange(10_000)}",
                "metadata": {"campaign": "loadtest"},
            },
        )


class ReaderUser(FastHttpUser):
    """Somebody who waits for tasks to appear and now and then looks whether the service is well."""

    weight = 1
    wait_time = between(0.02, 0.1)

    @task(10)
    def read_task(self) -> None:
        """Reads a task that was just requested, again and again until it is there."""
        if not _produced:
            return
        # The newest first: there are more than can be read, and the wait for a turn is not the service's.
        task_id, taken = _produced.pop()
        with self.client.get(f"/api/tasks/{task_id}", name="/api/tasks/{id}", catch_response=True) as response:
            waited = time.perf_counter() - taken
            if response.status_code == 404 and waited < VISIBLE_WITHIN_SECONDS:
                _produced.append((task_id, taken))
                response.success()
            elif response.status_code == 404:
                response.failure(f"not there {VISIBLE_WITHIN_SECONDS:g} s after the broker took it")
            elif response.status_code == 200 and response.json()["id"] == task_id:
                response.success()
                self._visible(waited)
            else:
                response.failure(f"answered {response.status_code}")

    @task(1)
    def look_at_health(self) -> None:
        """What a load balancer asks."""
        self.client.get("/api/health")

    def _visible(self, seconds: float) -> None:
        self.environment.events.request.fire(
            request_type="VISIBLE",
            name="from broker to REST",
            response_time=seconds * 1000,
            response_length=0,
            exception=None,
            context={},
        )


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def summarise(environment: Environment, **_: Any) -> None:
    """Ends non-zero on failures or idleness; writes one JSON object to the file that LOADTEST_SUMMARY names."""
    total = environment.stats.total
    kinds = {kind for _name, kind in environment.stats.entries}
    seen = {"PRODUCE", "VISIBLE", "GET"} <= kinds
    environment.process_exit_code = 0 if total.num_failures == 0 and seen else 1
    if path := os.environ.get("LOADTEST_SUMMARY"):
        summary = {
            "requests": total.num_requests,
            "failures": total.num_failures,
            "byKind": {
                f"{kind} {name}": {
                    "requests": entry.num_requests,
                    "failures": entry.num_failures,
                    "perSecond": round(entry.total_rps, 1),
                    "p50Ms": entry.get_response_time_percentile(0.5),
                    "p95Ms": entry.get_response_time_percentile(0.95),
                }
                for (name, kind), entry in sorted(environment.stats.entries.items())
            },
        }
        Path(path).write_bytes(orjson.dumps(summary) + b"\n")
