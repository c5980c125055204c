"""What the relay reads beside the log: the past of tasks, and dead letters."""

import base64
from collections.abc import Collection, Mapping, Sequence

import orjson

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.published_letters import UnpublishedLetter
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.session import Row, Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

_HISTORY_BYTES = 8 << 20
_LETTER_BYTES = 4 << 20


class PostgresRelayStore:
    """Implements `TaskHistories`, `LogEnd` and `LetterOutbox` on a session; raises what that raises.

    `reader` is the name under which the leader holds its term; the rest bounds, roughly, what is read at once.
    """

    def __init__(
        self,
        session: Session,
        reader: str,
        *,
        history_bytes: int = _HISTORY_BYTES,
        letter_bytes: int = _LETTER_BYTES,
    ) -> None:
        self._session = session
        self._reader = reader
        self._history_bytes = history_bytes
        self._letter_bytes = letter_bytes
        self._statements = load_statements("relay")

    async def before(self, versions: Mapping[str, int]) -> Sequence[LoggedEvent]:
        """See `TaskHistories.before`."""
        parameters = {
            "task_ids": array(versions),
            "versions": array(map(str, versions.values())),
            "bytes_max": self._history_bytes,
        }

        def read(script: Script) -> list[LoggedEvent]:
            return list(map(LoggedEvent._make, script.execute(self._statements["histories"], parameters)))

        return await self._session.run(read)

    async def last_event(self) -> int:
        """The highest number in the log, 0 if it is empty."""
        ((seq,),) = await self._session.execute(self._statements["last_event"])
        return int(seq)

    async def unpublished(self, limit: int, left_out: Collection[str]) -> Sequence[UnpublishedLetter]:
        """See `LetterOutbox.unpublished`."""
        rows = await self._session.execute(
            self._statements["unpublished_letters"],
            {"limit": limit, "left_out": list(left_out), "bytes_max": self._letter_bytes},
        )
        return list(map(_letter, rows))

    async def settle(self, ids: Sequence[int], epoch: int) -> bool:
        """See `LetterOutbox.settle`."""
        settled = await self._session.execute(
            self._statements["settle_letters"],
            {"ids": array(map(str, ids)), "name": self._reader, "epoch": epoch},
        )
        return len(settled) == len(ids)


def _letter(row: Row) -> UnpublishedLetter:
    id_, reason, detail, topic, partition, offset, recorded_at, key, value, headers = row
    return UnpublishedLetter(
        id_,
        reason,
        detail,
        topic,
        partition,
        offset,
        recorded_at,
        None if key is None else bytes(key),
        None if value is None else bytes(value),
        [(name, None if text is None else base64.b64decode(text)) for name, text in orjson.loads(headers)],
    )
