"""Secrets come from a variable or a file, and never show."""

from pathlib import Path

import pytest

from taskmanager.config.effective import effective
from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import load_settings

SECRETS = ["POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "KAFKA_SASL_PASSWORD"]


def mistake(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    (found,) = caught.value.mistakes
    return str(found)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("content", [b"hidden-word", b"hidden-word\n", b"hidden-word\r\n"])
def test_a_secret_is_read_from_its_file(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    settings = load_settings({f"{name}_FILE": str(file)})
    assert "hidden-word" in settings.secret_values()
    assert next(row for row in effective(settings) if row.name == name).source == "file"


@pytest.mark.parametrize("name", SECRETS)
def test_both_forms_are_a_mistake(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden-file")
    line = mistake({name: "hidden-word", f"{name}_FILE": str(file)})
    assert line == f"{name}='***': {name} and {name}_FILE are both set; keep one of them"


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "1 to 65536 bytes"),
        (b"\n", "1 to 65536 bytes"),
        (b"x" * 65_537, "1 to 65536 bytes"),
        (b"hidden\xff", "UTF-8"),
        (b"hidden\nword", "without control characters"),
    ],
)
def test_a_file_that_holds_no_secret_is_a_mistake(tmp_path: Path, content: bytes | None, remedy: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    line = mistake({"POSTGRES_PASSWORD_FILE": str(file)})
    assert line.startswith("POSTGRES_PASSWORD (not set): ")
    assert remedy in line
    assert "hidden" not in line


def test_a_directory_and_a_path_with_nul_are_mistakes_too(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in mistake({"POSTGRES_PASSWORD_FILE": str(tmp_path)})
    assert "must name a file" in mistake({"POSTGRES_PASSWORD_FILE": "a\0b"})


def test_secrets_never_show() -> None:
    settings = load_settings(dict.fromkeys(SECRETS, "hidden-word"))
    shown = [repr(settings), str(settings), settings.database.model_dump_json(), repr(effective(settings))]
    assert not any("hidden-word" in text for text in shown)
    assert {row.value for row in effective(settings) if row.name in SECRETS} == {"***"}


def test_a_bad_secret_is_told_without_its_value() -> None:
    line = mistake({"POSTGRES_PASSWORD": "hidden\tword"})
    assert line == "POSTGRES_PASSWORD='***': must be valid UTF-8 without control characters"


def test_one_bad_variable_does_not_bring_a_secret_to_light() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"POSTGRES_PASSWORD": "hidden-word", "POSTGRES_PORT": "x"})
    assert "hidden-word" not in str(caught.value)
    assert caught.value.__cause__ is None
