"""The whole interface does what its description says, whatever is sent to it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from aiohttp import ClientSession

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_PHASES = "examples,coverage,fuzzing,stateful"
_EXAMPLES = os.environ.get("CONFORMANCE_EXAMPLES", "10")
_SEED = os.environ.get("CONFORMANCE_SEED", "20260504")


@pytest.mark.timeout(900)
async def test_no_request_makes_it_fail_or_answer_otherwise_than_described(
    client: ClientSession, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION), "run",
        f"http://127.0.0.1:{environment['APP_PORT']}/api/openapi.json", "--checks", "all", "--phases", _PHASES,
        "--max-examples", _EXAMPLES, "--seed", _SEED, "--continue-on-failure", "--request-timeout", "10",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = output.decode()
    print(told)

    assert "Stateful" in told
    assert process.returncode == 0, told
