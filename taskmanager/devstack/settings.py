"""What the stack remembers between starts: ports, passwords, identity."""

import base64
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.ports import choose


@dataclass(frozen=True)
class StackSettings:
    """The remembered choices of one stack."""

    postgres_home: str
    postgres_port: int
    kafka_port: int
    controller_port: int
    cluster_id: str
    superuser_password: str
    owner_password: str
    app_password: str


def generate(postgres_home: Path) -> StackSettings:
    """Fresh passwords, a fresh cluster id, free ports."""
    ports: list[int] = []
    for _ in range(3):
        ports.append(choose(ports))
    return StackSettings(
        postgres_home=str(postgres_home),
        postgres_port=ports[0],
        kafka_port=ports[1],
        controller_port=ports[2],
        cluster_id=base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode(),
        superuser_password=secrets.token_urlsafe(24),
        owner_password=secrets.token_urlsafe(24),
        app_password=secrets.token_urlsafe(24),
    )


def load(path: Path) -> StackSettings | None:
    """The remembered settings, or None before the first start. Raises StackError if they cannot be read."""
    try:
        return StackSettings(**orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StackError(f"{path} belongs to another user. Run as that user, or set TASKMANAGER_LOCAL.") from error
    except (orjson.JSONDecodeError, TypeError) as error:
        raise StackError(f"{path} is damaged ({error}). Start afresh with: bin/stack reset") from error


def save(path: Path, settings: StackSettings) -> None:
    """Write all or nothing, readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps(asdict(settings), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
