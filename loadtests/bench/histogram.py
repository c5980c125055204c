"""Latencies in figures, as a picture, and as a document."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

# Upper bounds in milliseconds; a last class takes the rest.
_BOUNDS = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000)
_PERCENTILES = (50, 90, 95, 99, 99.9)
_WIDTH = 50


class Histogram:
    """What so many latencies (seconds) look like; at least one is needed."""

    def __init__(self, latencies: Sequence[float]) -> None:
        self._millis = sorted(latency * 1000 for latency in latencies)
        self._counts = [0] * (len(_BOUNDS) + 1)
        for millis in self._millis:
            self._counts[bisect_left(_BOUNDS, millis)] += 1

    def percentile(self, percent: float) -> float:
        """Milliseconds within which this share of all came."""
        rank = -(-len(self._millis) * percent // 100)
        return self._millis[max(int(rank), 1) - 1]

    def document(self) -> dict[str, Any]:
        """Percentiles and classes, for machines; the last class has no upper bound."""
        return {
            "count": len(self._millis),
            "percentilesMs": {f"{p:g}": round(self.percentile(p), 2) for p in _PERCENTILES},
            "maxMs": round(self._millis[-1], 2),
            "classes": [
                {"upToMs": bound, "count": count} for bound, count in zip((*_BOUNDS, None), self._counts, strict=True)
            ],
        }

    def picture(self) -> str:
        """A bar for each class from the first to the last that holds anything."""
        held = [index for index, count in enumerate(self._counts) if count]
        most = max(self._counts)
        lines = []
        for index in range(held[0], held[-1] + 1):
            bound = f"≤ {_BOUNDS[index]:>5,} ms" if index < len(_BOUNDS) else f"> {_BOUNDS[-1]:>5,} ms"
            bar = "█" * -(-self._counts[index] * _WIDTH // most)
            lines.append(f"  {bound} {self._counts[index]:>8,} {bar}")
        return "\n".join(lines)
