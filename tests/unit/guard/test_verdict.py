"""When the guard ends the container."""

import pytest

from taskmanager.programs.guard.verdict import CrashWatch, Limits, StateChange, Verdict

LIMITS = Limits(max_exits=5, window=60, young=10, hang=60)


class History:
    """Plays a process's life to a watch."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.watch = CrashWatch(limits)
        self.now = 1000.0

    def life(
        self, lasting: float, *, process: str = "api-00", ends: str = "EXITED", pause: float = 0.0
    ) -> Verdict | None:
        assert self.watch.observe(StateChange(process, "STARTING"), self.now) is None
        if ends == "EXITED":
            assert self.watch.observe(StateChange(process, "RUNNING"), self.now + min(1, lasting)) is None
        self.now += lasting
        verdict = self.watch.observe(StateChange(process, ends), self.now)
        self.now += pause
        return verdict


def test_a_program_that_supervisord_gave_up_ends_the_container_at_once() -> None:
    verdict = CrashWatch(LIMITS).observe(StateChange("consumer-03", "FATAL"), 0.0)
    assert verdict is not None
    assert verdict.process == "consumer-03"


def test_the_fifth_early_exit_within_the_window_ends_the_container() -> None:
    history = History()
    verdicts = [history.life(lasting=3) for _ in range(5)]
    assert verdicts[:4] == [None] * 4
    assert verdicts[4] == Verdict("api-00", "it ended 5 times within 60 s, each within 10 s of its start")


@pytest.mark.parametrize("ends", ["EXITED", "BACKOFF"])
def test_exits_before_and_after_startsecs_both_count(ends: str) -> None:
    history = History()
    assert [history.life(lasting=0.2, ends=ends) is not None for _ in range(5)] == [False] * 4 + [True]


def test_exits_that_are_spread_wider_than_the_window_are_forgiven() -> None:
    history = History()
    assert all(history.life(lasting=3, pause=13) is None for _ in range(50))


def test_a_program_that_lived_long_enough_may_end_as_often_as_it_likes() -> None:
    history = History()
    assert all(history.life(lasting=10.1) is None for _ in range(50))


def test_an_exit_exactly_at_the_age_limit_is_early() -> None:
    history = History()
    assert history.life(lasting=10.0) is None
    assert [history.life(lasting=10.0) is not None for _ in range(4)] == [False, False, False, True]


def test_processes_are_counted_apart() -> None:
    history = History()
    for number in range(4):
        assert history.life(lasting=1, process="consumer-00") is None, number
        assert history.life(lasting=1, process="consumer-01") is None, number
    verdict = history.life(lasting=1, process="consumer-01")
    assert verdict is not None
    assert verdict.process == "consumer-01"


def test_a_stop_that_was_asked_for_is_no_exit() -> None:
    history = History()
    for _ in range(20):
        assert history.life(lasting=1, ends="STOPPED") is None


def test_a_program_that_hangs_again_and_again_ends_the_container() -> None:
    watch = CrashWatch(LIMITS)
    verdicts = [watch.hung("relay", 61.0 * number) for number in range(5)]
    assert verdicts == [None] * 4 + [Verdict("relay", "it hung 5 times within 600 s")]


def test_hangs_that_are_far_between_are_forgiven_and_counted_apart() -> None:
    watch = CrashWatch(LIMITS)
    assert all(watch.hung("relay", 151.0 * number) is None for number in range(50))
    assert all(watch.hung(f"consumer-{number:02d}", 0.0) is None for number in range(10))
