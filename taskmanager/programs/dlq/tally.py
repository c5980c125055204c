"""What a run of replays came to."""

from collections import Counter
from collections.abc import Sequence

import orjson

from taskmanager.application.changes import Outcome
from taskmanager.application.dead_letters import DeadLetterReason, advice
from taskmanager.application.use_cases.dead_letters.replay_result import ReplayResult

_EXAMPLES_MAX = 20


class Tally:
    """Counts by outcome, and keeps a few examples of what failed; memory does not grow with the letters."""

    def __init__(self, *, dry_run: bool) -> None:
        self._dry_run = dry_run
        self._outcomes: Counter[str] = Counter()
        self._still_dead: Counter[str] = Counter()
        self._settled: Counter[str] = Counter()
        self._examples: list[ReplayResult] = []
        self._missing: list[int] = []
        self.letters = 0

    @property
    def failed(self) -> bool:
        """Whether a letter is still dead, or was not there."""
        return bool(self._still_dead or self._missing)

    def add(self, results: Sequence[ReplayResult]) -> None:
        """Counts what a transaction came to."""
        self.letters += len(results)
        for result in results:
            if result.outcome is not None:
                self._outcomes[result.outcome.value] += 1
            elif result.reason is not None:
                self._still_dead[result.reason.value] += 1
            else:
                self._settled[result.state.value] += 1
            is_telling = result.reason is not None or result.outcome is Outcome.REFUSED
            if is_telling and len(self._examples) < _EXAMPLES_MAX:
                self._examples.append(result)

    def expect(self, letter_ids: Sequence[int], results: Sequence[ReplayResult]) -> None:
        """Notes which of the letters that were named are not there."""
        self._missing = sorted(set(letter_ids) - {result.letter_id for result in results})

    def json(self) -> bytes:
        """One object; `examples` are the first of those that are still dead or were refused."""
        return orjson.dumps(
            {
                "dryRun": self._dry_run,
                "letters": self.letters,
                "outcomes": self._outcomes,
                "stillDead": self._still_dead,
                "alreadySettled": self._settled,
                "notThere": self._missing,
                "examples": [
                    {"id": example.letter_id, "outcome": example.word, "detail": example.detail}
                    for example in self._examples
                ],
            }
        )

    def text(self) -> str:
        """One line for each outcome and each example."""
        verb = "would be " if self._dry_run else ""
        lines = [f"{count:>7,} {verb}{word}" for word, count in sorted(self._outcomes.items())]
        lines += [
            f"{count:>7,} {verb}still dead: {word}. {advice(word)}" for word, count in sorted(self._still_dead.items())
        ]
        lines += [f"{count:>7,} {word} before, left alone" for word, count in sorted(self._settled.items())]
        lines += [f"letter {example.letter_id}: {example.word}: {example.detail}" for example in self._examples]
        lines += [f"letter {letter_id} is not there" for letter_id in self._missing]
        if self._outcomes[Outcome.CREATED] and self._still_dead[DeadLetterReason.UNKNOWN_TASK]:
            lines.append("Reports may have been before their requests: the same command again may find their tasks.")
        return "\n".join(lines) or "no open letter matches"
