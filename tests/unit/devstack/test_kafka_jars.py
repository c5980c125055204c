"""Which downloads count as whole."""

import zipfile

import orjson
import pytest

from taskmanager.devstack import kafka_jars
from taskmanager.devstack.errors import StackError


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "kafka-4.3.1"
    directory.mkdir()
    with zipfile.ZipFile(directory / "a.jar", "w") as jar:
        jar.writestr("A.class", b"a" * 100)
    size = (directory / "a.jar").stat().st_size
    (directory / "jars.json").write_bytes(orjson.dumps({"a.jar": size}))
    return directory


def test_whole_downloads_are_used_without_asking_anybody(directory, tmp_path, monkeypatch):
    monkeypatch.setattr(kafka_jars, "_download", lambda directory: pytest.fail("downloaded again"))

    assert kafka_jars.class_path(tmp_path, pytest.fail) == [directory / "a.jar"]


@pytest.mark.parametrize("damage", ["cut", "gone", "unlisted"])
def test_what_is_not_whole_is_fetched_again_and_never_used(directory, tmp_path, monkeypatch, damage):
    if damage == "cut":
        (directory / "a.jar").write_bytes(b"PK")
    elif damage == "gone":
        (directory / "a.jar").unlink()
    else:
        (directory / "jars.json").write_text("[")
    fetched = []
    monkeypatch.setattr(kafka_jars, "_download", fetched.append)

    with pytest.raises(StackError, match="not whole"):
        kafka_jars.class_path(tmp_path, lambda message: None)
    assert fetched == [directory]


def test_partial_files_of_an_interrupted_download_are_dropped(directory):
    (directory / "cut.jar").write_bytes((directory / "a.jar").read_bytes()[:-10])
    (directory / "cut.pom").write_text("<project>")

    kafka_jars._drop_partial_files(directory)

    assert [path.name for path in directory.iterdir()] == ["a.jar"]
