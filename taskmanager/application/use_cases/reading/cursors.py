"""Opaque texts that stand for a position in a list, and are good for that list alone."""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from taskmanager.application.task_lists import CursorKeys
from taskmanager.domain.errors import InvalidValue

CURSOR_MAX = 512
_FIELD = "cursor"
_SEAL_BYTES = 16
_LIST_BYTES = 8
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int | str]).decode
# Value objects are subclasses of str, which the encoder knows nothing of.
_name_list = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


class Cursors:
    """Makes cursors and reads them; the key is fetched once.

    A list is whatever tells it from others: its name, its filters, its order and whose tasks it shows. A cursor is no
    secret and grants nothing: the list is read with the rights of whoever brings it.
    """

    def __init__(self, keys: CursorKeys) -> None:
        self._keys = keys
        self._key: bytes | None = None

    async def seal(self, position: Sequence[int | str], of: object) -> str:
        """A text for this position of a list; may raise a `StoreError`."""
        content = _digest(of) + _encode(position)
        return urlsafe_b64encode(await self._signature(content) + content).rstrip(b"=").decode()

    async def open(self, cursor: str, of: object) -> list[int | str]:
        """The position that a cursor stands for; raises `InvalidValue` unless it was made for this list.

        May raise a `StoreError`.
        """
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error):
            raise _unknown() from None
        signature, content = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if not hmac.compare_digest(signature, await self._signature(content)):
            raise _unknown()
        if content[:_LIST_BYTES] != _digest(of):
            raise InvalidValue(
                _FIELD, "belongs to another list: keep filters and order from page to page, or begin without a cursor"
            )
        return _decode(content[_LIST_BYTES:])

    async def _signature(self, content: bytes) -> bytes:
        if self._key is None:
            self._key = await self._keys.cursor_key()
        return hmac.digest(self._key, content, "sha256")[:_SEAL_BYTES]


def _digest(of: object) -> bytes:
    return hashlib.sha256(_name_list(of)).digest()[:_LIST_BYTES]


def _unknown() -> InvalidValue:
    return InvalidValue(_FIELD, "is none that was handed out here; pass nextCursor as it came, or begin without one")
