"""Ask a Kafka broker who it is: one Metadata request, without the weight of a client library."""

import socket
import struct

# https://kafka.apache.org/protocol: request header v1, Metadata v2 with an empty list of topics.
_METADATA_KEY, _METADATA_VERSION, _CORRELATION = 3, 2, 1
_CLIENT = b"stack"
_BODY = struct.pack(f">hhih{len(_CLIENT)}si", _METADATA_KEY, _METADATA_VERSION, _CORRELATION, len(_CLIENT), _CLIENT, 0)
_REQUEST = struct.pack(">i", len(_BODY)) + _BODY
_LARGEST_ANSWER = 1 << 20


def serving_cluster(host: str, port: int, seconds: float = 2.0) -> str | None:
    """The id of the cluster that serves at this address, None while none does.

    A broker that is not yet open for clients (fenced) does not count. Takes `seconds` at most per network step.
    """
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(_REQUEST)
            size = struct.unpack(">i", _read(connection, 4))[0]
            if not 4 <= size <= _LARGEST_ANSWER:
                return None
            return _cluster_id(_read(connection, size))
    except (OSError, struct.error, UnicodeDecodeError):  # nobody there, or one who speaks something else
        return None


def _cluster_id(answer: bytes) -> str | None:
    correlation, brokers = struct.unpack_from(">ii", answer)
    if correlation != _CORRELATION or brokers < 1:
        return None
    position = 8
    for _ in range(brokers):
        _, position = _string(answer, position + 4)  # node id, host
        _, position = _string(answer, position + 4)  # port, rack
    return _string(answer, position)[0]


def _string(answer: bytes, position: int) -> tuple[str | None, int]:
    length = struct.unpack_from(">h", answer, position)[0]
    start = position + 2
    if length < 0:
        return None, start
    return answer[start : start + length].decode(), start + length


def _read(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise ConnectionError("closed in the middle of an answer")
        received += part
    return bytes(received)
