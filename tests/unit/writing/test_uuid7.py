"""Ids that are made here."""

import time
from uuid import RFC_4122, UUID

from taskmanager.application.use_cases.writing.uuid7 import new_task_id


def test_it_is_a_uuid_of_version_7_that_begins_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_task_id())
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_no_two_are_equal_and_all_other_bits_vary() -> None:
    made = [UUID(new_task_id()).int for _ in range(2000)]
    assert len(set(made)) == 2000
    fixed = (0xF << 76) | (0x3 << 62)
    random = ((1 << 80) - 1) & ~fixed
    ones = zeros = 0
    for each in made:
        ones |= each
        zeros |= ~each
    assert ones & random == zeros & random == random
