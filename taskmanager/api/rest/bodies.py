"""Reads request bodies within their limits, and tells precisely what is wrong with them."""

import asyncio
import re
from typing import Any, TypeVar

import msgspec
from aiohttp import HttpVersion11, StreamReader, hdrs, web

from taskmanager.api.rest.problems import FieldError, Problem

_T = TypeVar("_T")
_LOCATED = re.compile(r"(?P<what>.*) - at `(?:key in )?\$?(?P<path>.*)`$", re.DOTALL)
# An answer to a request that was not read to its end: what is left of it must not be taken for the next one.
_CLOSE: dict[str, str] = {hdrs.CONNECTION: "close"}
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


async def await_reading(_request: web.Request) -> None:
    """What becomes of `Expect: 100-continue` before a request is looked at: nothing.

    A client that asks first is told to go on once its body is wanted, so that one which is refused sends none.
    """


async def read_body(request: web.Request, limit: int, patience: float) -> bytes:
    """The body, for which it waits `patience` seconds at most.

    Raises a `Problem`: 413 as soon as it is known to have more than `limit` bytes, 415 if it is encoded, 408 if it does
    not come in time, 400 if it does not come whole.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING)
    if encoding is not None and encoding.lower() != "identity":
        raise Problem(415, "bodies are taken as they are; send it without Content-Encoding", headers=_CLOSE)
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if request.content.is_eof():  # it came along with the head, as most do
        body = request.content.read_nowait()
        if len(body) > limit:
            raise _too_large(limit)
        return body
    if request.version == HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(_GO_ON)
        request.writer.output_size = 0  # that was not the answer yet
    try:
        async with asyncio.timeout(patience):
            return await _read_on(request.content, limit)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {patience:g} s", headers=_CLOSE) from None
    except (ConnectionError, web.RequestPayloadError):
        raise Problem(400, "the body ended early, or is not framed as HTTP asks", headers=_CLOSE) from None


async def _read_on(content: StreamReader, limit: int) -> bytes:
    body = bytearray()
    while part := await content.readany():
        body += part
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def check_media_type(request: web.Request) -> None:
    """Raises a `Problem` (415) unless the body is said to be JSON."""
    if request.headers.get(hdrs.CONTENT_TYPE) == "application/json":  # as nearly everybody writes it
        return
    media_type = request.content_type
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(415, "the body must be JSON; send it with Content-Type: application/json")


def decode_body(raw: bytes, decoder: "msgspec.json.Decoder[_T]") -> _T:
    """What the body holds; raises a `Problem` (400) that names the value at fault."""
    if not raw:
        raise Problem(400, "the body is empty; send a JSON object")
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(located(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"the body is not valid JSON: {_reason(error)}") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None


def invalid(*errors: FieldError, what: str = "the request", status: int = 400) -> Problem:
    """The problem of values that do not pass; `errors` name each of them.

    400: it is not what the description of the interface asks for. 422: it is, but a rule forbids it that a description
    cannot express.
    """
    told = "; ".join(f"{error.path}: {error.message}" if error.path else error.message for error in errors[:10])
    return Problem(status, f"{what} is not valid: {told}", errors=errors, members={"field": errors[0].path})


def located(error: msgspec.ValidationError) -> FieldError:
    """A validation error with the path to the value at fault, such as tasks[3].userEmail."""
    found = _LOCATED.match(str(error))
    if found is None:
        return FieldError("", str(error))
    return FieldError(found["path"].lstrip("."), found["what"])


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is larger than {limit} bytes", headers=_CLOSE)


def _reason(error: Exception) -> str:
    return str(error).removeprefix("JSON is malformed: ") if isinstance(error, msgspec.DecodeError) else "not UTF-8"


def body_decoder(model: Any) -> "msgspec.json.Decoder[Any]":
    """The decoder of a route's bodies; to be made once."""
    return msgspec.json.Decoder(model)
