"""A consumer is killed in mid-batch, again and again."""

import os
from collections.abc import Callable
from time import monotonic

import pytest

from .waiting import until
from .world import World

MESSAGES = int(os.environ.get("FAULT_MESSAGES", "100000"))
KILLS = 10
# The promise is 3 s; a machine that does other things as well may take longer.
RESTART_SECONDS_MAX = float(os.environ.get("FAULT_RESTART_SECONDS_MAX", "10"))


@pytest.mark.timeout(600)
def test_every_message_has_its_one_effect_though_the_consumer_is_killed_in_mid_batch_ten_times(
    world: World, tell: Callable[[str], None]
) -> None:
    world.send(world.lives.first(MESSAGES))
    restarts: list[float] = []
    consumer = world.start("consumer")
    for kill in range(1, KILLS + 1):
        world.await_read(kill * MESSAGES // (KILLS + 2))
        consumer.freeze_in_mid_batch(world.database)
        before = world.read()
        assert before < MESSAGES, "there was nothing left to do when it was killed"
        consumer.kill()

        consumer = world.start("consumer")
        until(lambda before=before: world.read() > before, "the first commit after a restart")
        restarts.append(monotonic() - consumer.began)
    world.await_settled()

    assert consumer.is_alive
    world.verify_each_had_its_one_effect()
    ordered = sorted(restarts)
    tell(f"{MESSAGES:,} messages, {KILLS} kills in mid-batch; from start to first commit: ")
    tell(f"median {ordered[KILLS // 2]:.2f} s, longest {ordered[-1]:.2f} s")
    assert ordered[-1] < RESTART_SECONDS_MAX
