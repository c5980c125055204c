"""What the clock reads of the offsets."""

from taskmanager.application.commands import Partition
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition
from tests.builders import at
from tests.fakes.messages import REQUESTS, TOPIC_IDS, request
from tests.integration.housekeeping.home import Home


async def test_rows_of_the_source_topics_alone_count(home: Home) -> None:
    await home.receive(request(), request(partition=1))
    home.database.run(
        "insert into consumer_offsets (topic, partition, topic_id, first_offset, next_offset)"
        " values ('former', 0, '', 0, 0)"
    )
    row = IngestedPartition(TOPIC_IDS[REQUESTS], 1, at(0))

    assert await home.tables.ingested() == {Partition(REQUESTS, 0): row, Partition(REQUESTS, 1): row}
