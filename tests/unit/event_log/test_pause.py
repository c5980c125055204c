"""The pace of looking."""

from taskmanager.application.event_log import AdaptivePause


def test_pauses_double_from_the_busy_one_up_to_the_idle_one() -> None:
    pause = AdaptivePause(busy=0.005, idle=0.03)

    assert [pause.after(found=False) for _ in range(5)] == [0.005, 0.01, 0.02, 0.03, 0.03]


def test_whatever_comes_brings_the_busy_pause_back() -> None:
    pause = AdaptivePause(busy=0.005, idle=0.2)
    for _ in range(10):
        pause.after(found=False)

    assert pause.after(found=True) == 0.005
    assert pause.after(found=False) == 0.01


def test_looks_are_5_ms_apart_when_busy_and_200_ms_when_idle() -> None:
    pause = AdaptivePause()

    assert pause.after(found=True) == 0.005
    assert [pause.after(found=False) for _ in range(10)][-1] == 0.2
