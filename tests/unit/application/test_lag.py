"""How far the consumers are behind."""

from taskmanager.application.commands import Partition
from taskmanager.application.lag import lag_by_partition

READ, NEW, AHEAD, TRIMMED = (Partition("t", n) for n in range(4))


def test_lag_is_what_kafka_holds_beyond_the_stored_offsets() -> None:
    watermarks = {TRIMMED: (50, 60), AHEAD: (0, 5), NEW: (3, 10), READ: (0, 100)}
    lag = lag_by_partition(watermarks, {READ: 90, AHEAD: 7, TRIMMED: 20})
    assert lag == {READ: 10, NEW: 7, AHEAD: 0, TRIMMED: 10}
    assert list(lag) == [READ, NEW, AHEAD, TRIMMED]
