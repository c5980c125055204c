"""What a replay came to."""

from typing import Self

import msgspec

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import InboundMessage, Reject
from taskmanager.application.dead_letter_model import DeadLetter, LetterAction, LetterActionKind, LetterState
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.values import TaskId


class ReplayResult(msgspec.Struct, frozen=True):
    """An outcome, or the reason why the letter is still dead, or neither: somebody else had settled it.

    `state` is that of the letter afterwards; `detail` says more of a refusal or a reason.
    """

    letter_id: int
    outcome: Outcome | None = None
    reason: DeadLetterReason | None = None
    detail: str | None = None
    task_id: TaskId | None = None
    state: LetterState = LetterState.REPLAYED

    @classmethod
    def still_dead(cls, letter: DeadLetter, reject: Reject) -> Self:
        """The letter stays as it is."""
        summary = letter.summary
        return cls(summary.id, None, reject.reason, reject.detail, reject.task_id or summary.task_id, summary.state)

    @property
    def word(self) -> str:
        """The outcome, else the reason, else the state in which the letter was found."""
        return self.outcome or self.reason or f"already_{self.state}"

    def action(self, operator: str, edited: InboundMessage | None) -> LetterAction:
        """What the letter's history keeps."""
        return LetterAction(
            letter_id=self.letter_id,
            kind=LetterActionKind.FAILED_REPLAY if self.reason else LetterActionKind.REPLAY,
            actor=operator,
            outcome=self.word,
            detail=self.detail,
            task_id=self.task_id,
            edited=edited,
        )
