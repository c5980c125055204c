"""The example of the documentation runs as it is pasted."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from taskmanager.client import Unauthorized

from .server import TASK, ScriptedServer, fails, frame, opening, says, silent, streams

_PAGE = Path(__file__).parents[3] / "docs" / "api.md"
DONE = TASK | {"status": "completed", "result": "9 to 17"}
FAILED = TASK | {"status": "error", "resultOmitted": False}


async def test_the_example_runs(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"^```python\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert example is not None
    code = example[1].replace("http://127.0.0.1:3000", server.url)
    server.replies(
        says(TASK, 201), streams(opening(0), then=silent), says(DONE),
        says({"items": [FAILED], "nextCursor": None}), fails(409, members={"reason": "not_settled"}),
        streams(opening(0), frame(7)), fails(401, "the token is not valid"),
    )  # fmt: skip

    def paste() -> None:
        names: dict[str, Any] = {}
        exec(compile(code, _PAGE.name, "exec"), names)  # noqa: S102 - our own page

    with pytest.raises(Unauthorized):
        await asyncio.to_thread(paste)
    assert capsys.readouterr().out.splitlines() == [
        f"{TASK['id']} completed 9 to 17", f"{TASK['id']} not_settled", f"7 {TASK['id']}",
    ]  # fmt: skip
    assert [(asked.method, asked.path.partition("?")[0]) for asked in server.asked[:5]] == [
        ("POST", "/api/tasks"), ("GET", "/api/events"), ("GET", f"/api/tasks/{TASK['id']}"), ("GET", "/api/tasks"),
        ("POST", f"/api/tasks/{TASK['id']}/retry"),
    ]  # fmt: skip
