"""CPU time of processes that come and go."""

import os
import subprocess
import sys

from loadtests.bench.api.cpu import cpu_seconds, spent


def test_what_was_spent_is_never_less_because_a_process_has_ended() -> None:
    assert spent({1: 5.0, 2: 3.0}, {2: 3.5}) == 0.5


def test_a_new_process_counts_with_all_it_has_spent() -> None:
    assert spent({1: 5.0}, {1: 6.0, 2: 0.25}) == 1.25


def test_processes_that_are_not_there_are_left_out() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert set(cpu_seconds([os.getpid(), ended.pid])) == {os.getpid()}


def test_time_that_is_spent_shows() -> None:
    before = cpu_seconds([os.getpid()])
    while not spent(before, after := cpu_seconds([os.getpid()])):
        sum(range(10_000))

    assert after[os.getpid()] > before[os.getpid()]
