"""Shows one dead letter with everything that is known of it."""

from collections.abc import Sequence
from typing import NamedTuple

from taskmanager.application.dead_letter_model import DeadLetter, PastAction
from taskmanager.application.dead_letter_ports import DeadLetterReader
from taskmanager.application.dead_letters import advice
from taskmanager.application.read_model import TaskReader, TaskView


class LetterDetails(NamedTuple):
    """A letter, what to do about it, what was done with it, and its task (None if there is none, or none yet)."""

    letter: DeadLetter
    advice: str
    history: Sequence[PastAction]
    task: TaskView | None


class ShowLetter:
    """Answers one letter in full."""

    def __init__(self, reader: DeadLetterReader, tasks: TaskReader) -> None:
        self._reader = reader
        self._tasks = tasks

    async def __call__(self, letter_id: int) -> LetterDetails | None:
        """The letter of this id, None if there is none; may raise a `StoreError`."""
        letters = await self._reader.load([letter_id], 0)
        if not letters:
            return None
        (letter,) = letters
        task_id = letter.summary.task_id
        return LetterDetails(
            letter,
            advice(letter.summary.reason),
            await self._reader.history(letter_id),
            await self._tasks.find(task_id) if task_id else None,
        )
