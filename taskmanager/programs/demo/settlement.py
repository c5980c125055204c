"""Decides when everything that was sent has had its effect, or that it never will."""

from taskmanager.programs.demo.progress import Progress

STALL_SECONDS = 60.0
_QUICKEST = 0.05
_SLOWEST = 0.25


class Settlement:
    """Fed with the moments of a run; polls quickly while something moves and slowly while nothing does."""

    def __init__(self, now: float) -> None:
        self._moved_at = now
        self._last: tuple[int, ...] | None = None
        self._interval = _QUICKEST

    def pause(self, now: float, progress: Progress | None) -> float:
        """Takes the present moment (None: it cannot be had) and returns the seconds until the next look."""
        seen = (progress.ingested, progress.parked, progress.published) if progress is not None else None
        if seen is not None and seen != self._last:
            self._last = seen
            self._moved_at = now
            self._interval = _QUICKEST
        else:
            self._interval = min(_SLOWEST, self._interval * 1.5)
        return self._interval

    def stalled(self, now: float) -> bool:
        """Whether nothing has moved for a minute."""
        return now - self._moved_at >= STALL_SECONDS
