"""The peer on FastAPI and asyncpg; PEER_DSN, PEER_TOKEN_SHA256 and PEER_SQL are described in __init__.py."""
# Its packages live in an environment of its own.
# mypy: ignore-errors

import hmac
import ipaddress
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, TypeAdapter
from pydantic.alias_generators import to_camel

_POOL = 16
_url = TypeAdapter(HttpUrl).validate_python


def _address(text: str) -> str:
    url = _url(text)
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold a user name or password")
    host = url.host or ""
    is_literal = host.startswith("[") or host[-1:].isdigit()
    if is_literal and not ipaddress.ip_address(host.strip("[]")).is_global:
        raise ValueError("must not be a private address")
    return str(url)


Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@]{1,64}@(?:[^\s@.]{1,63}\.)+[^\s@.]{1,63}$")]
Query = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=4096, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
    ),
]
Address = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_address)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Value = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class NewTask(_Camel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_email: Email
    user_query: Query
    original_url: Address
    metadata: Annotated[dict[Label, Value], Field(max_length=20)] = Field(default_factory=dict)


class Task(_Camel):
    """What it is shown."""

    id: str
    status: str = "new"
    version: int = 1
    attempt: int = 1
    user_email: str
    user_query: str
    original_url: str
    metadata: dict[str, str]
    correlation_id: str | None = None
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_heartbeat_at: datetime | None = None
    duration_seconds: float | None = None
    worker: str | None = None
    progress: float | None = None
    result: str | None = None
    error: str | None = None
    retryable: bool | None = None


class Settings:
    """What the environment says, read when the server starts."""

    def __init__(self) -> None:
        sql = Path(os.environ["PEER_SQL"])
        self.digest = os.environ["PEER_TOKEN_SHA256"]
        self.dsn = os.environ["PEER_DSN"]
        self.create = (sql / "create_task.sql").read_text()
        self.find = (sql / "find_task.sql").read_text()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.settings = settings = Settings()
    async with asyncpg.create_pool(settings.dsn, min_size=_POOL, max_size=_POOL) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)
_bearer = HTTPBearer()


async def _authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]
) -> None:
    digest = sha256(credentials.credentials.encode()).hexdigest()
    if not hmac.compare_digest(digest, request.app.state.settings.digest):
        raise HTTPException(401, "unknown token", {"WWW-Authenticate": "Bearer"})


@app.post("/api/tasks", status_code=201, dependencies=[Depends(_authenticated)])
async def create_task(new: NewTask, request: Request, response: Response) -> Task:
    """Creates a task."""
    data = new.model_dump(by_alias=True)
    if not new.metadata:
        del data["metadata"]
    state = request.app.state
    row = await state.pool.fetchrow(
        state.settings.create,
        new.user_email,
        new.user_query,
        new.original_url,
        json.dumps(new.metadata) if new.metadata else None,
        json.dumps(data),
    )
    task_id, at = row
    response.headers["Location"] = f"/api/tasks/{task_id}"
    return Task(id=task_id, received_at=at, created_at=at, updated_at=at, **new.model_dump())


@app.get("/api/tasks/{task_id}", dependencies=[Depends(_authenticated)])
async def find_task(task_id: UUID, request: Request) -> Task:
    """Shows a task."""
    state = request.app.state
    row = await state.pool.fetchrow(state.settings.find, task_id)
    if row is None:
        raise HTTPException(404, "there is no task with this id")
    return Task(**{**row, "metadata": json.loads(row["metadata"])})
