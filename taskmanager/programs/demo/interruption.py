"""Ctrl-C, SIGTERM and a closed terminal: all of them end the demo in good order."""

import asyncio
import os
import signal
from collections.abc import Callable

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Sets `stop` at the first signal, hurries at the second, and leaves the third to the system's default.

    `hurry` is called in the event loop. Must be made inside a running one.
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        self.stop = asyncio.Event()
        self.signal: signal.Signals | None = None
        self._hurry = hurry
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._receive, number)

    def _receive(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            _let_go_of_terminal()
        if self.signal is None:
            self.signal = number
            self.stop.set()
            return
        self._hurry()
        for known in _SIGNALS:
            self._loop.remove_signal_handler(known)
            signal.signal(known, signal.SIG_DFL)


def _let_go_of_terminal() -> None:
    """What is written from now on goes nowhere: the terminal is gone, and writing to it would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
