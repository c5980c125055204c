"""Decodes messages of dead letters as the consumers do."""

from taskmanager.api.kafka.codec import Codec
from taskmanager.application.commands import Command, InboundMessage
from taskmanager.application.dead_letter_ports import Decode
from taskmanager.config.settings import Settings


def letter_decoder(settings: Settings) -> Decode:
    """By the settings of this process; each message in the incarnation of the topic that it was read from."""

    def decode(message: InboundMessage, topic_id: str) -> Command:
        codec = Codec(
            request_topic=settings.kafka.web_crawl_request_topic,
            topic_ids={message.topic: topic_id},
            own_name=settings.app.name,
            allow_private_urls=settings.app.allow_private_urls,
            result_max_bytes=settings.app.result_max_bytes,
        )
        return codec.decode(message)

    return decode
