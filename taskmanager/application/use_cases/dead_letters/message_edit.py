"""How an operator corrects a message before it is replayed."""

from collections.abc import Mapping

import msgspec

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage


class MessageEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What is put in place of parts of a message; whatever is not given stays as it was.

    `headers` replaces each header of these names, or adds it; `without_headers` names those that are removed first.
    """

    headers: Mapping[str, bytes] = {}
    without_headers: frozenset[str] = frozenset()
    key: bytes | msgspec.UnsetType = msgspec.UNSET
    value: bytes | msgspec.UnsetType = msgspec.UNSET

    def apply(self, message: InboundMessage) -> InboundMessage:
        """The corrected message, at the same position and of the same time; the message itself if nothing changes."""
        corrected = message._replace(
            headers=self._headers(message.headers),
            key=message.key if self.key is msgspec.UNSET else self.key,
            value=message.value if self.value is msgspec.UNSET else self.value,
        )
        return message if corrected == message else corrected

    def _headers(self, headers: list[tuple[str, bytes | None]] | None) -> list[tuple[str, bytes | None]] | None:
        if not self.headers and not self.without_headers:
            return headers
        # Of headers that nobody could read nothing is left to keep.
        known = [] if headers is None or headers is UNREADABLE_HEADERS else headers
        gone = self.without_headers | self.headers.keys()
        return [pair for pair in known if pair[0] not in gone] + list(self.headers.items())


AS_IT_WAS = MessageEdit()
