"""Sends what the Python client would refuse: names of headers that are not UTF-8."""

import ctypes
from pathlib import Path

import confluent_kafka
import pytest

# enum rd_kafka_vtype_t and RD_KAFKA_MSG_F_COPY of librdkafka's rdkafka.h
_END, _TOPIC, _PARTITION, _VALUE, _FLAGS, _HEADERS = 0, 1, 3, 4, 7, 10
_COPY = 0x2
_SECONDS = 10


def send_with_header(brokers: str, topic: str, name: bytes, value: bytes) -> None:
    """Sends a message with one header to partition 0, through the library that the Python client brings along."""
    library = _library()
    error = ctypes.create_string_buffer(512)
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(configuration, b"bootstrap.servers", brokers.encode(), error, len(error))
    producer = ctypes.c_void_p(library.rd_kafka_new(0, configuration, error, len(error)))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(1)))
    library.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"1", ctypes.c_ssize_t(1))
    library.rd_kafka_producev(
        producer,
        *(ctypes.c_int(_TOPIC), topic.encode()),
        *(ctypes.c_int(_PARTITION), ctypes.c_int32(0)),
        *(ctypes.c_int(_VALUE), value, ctypes.c_size_t(len(value))),
        *(ctypes.c_int(_FLAGS), ctypes.c_int(_COPY)),
        *(ctypes.c_int(_HEADERS), headers),
        ctypes.c_int(_END),
    )
    assert library.rd_kafka_flush(producer, _SECONDS * 1000) == 0
    library.rd_kafka_destroy(producer)


def _library() -> ctypes.CDLL:
    bundled = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = next(bundled.glob("librdkafka*"), None)
    if found is None:
        pytest.skip(f"confluent-kafka was not installed from a wheel: there is no librdkafka in {bundled.name}")
    library = ctypes.CDLL(str(found))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    return library
