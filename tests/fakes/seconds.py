"""A clock of seconds that a test moves."""


class Seconds:
    """Stands for `time.monotonic`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Now."""
        return self.now
