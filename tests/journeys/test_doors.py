"""schemathesis attacks the JSON doors of all four services: whatever it sends, no door fails."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import Kith

PROGRAM = Path(sys.executable).parent / "schemathesis"
EXAMPLES_MAX = "3"  # for each operation, beside the systematic ones
ROLES = ("administrator", "coordinator", "facilitator", "program-manager", "operator")


@pytest.mark.parametrize("service", ["intake", "scheduling", "feedback", "analytics"])
async def test_no_request_makes_a_door_fail(kith: Kith, service: str, tmp_path: Path) -> None:
    token = await kith.token("attacked-house", *ROLES)
    command = [
        *(str(PROGRAM), "run", f"{kith.url}/{service}/api/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", "not_a_server_error", "--max-examples", EXAMPLES_MAX, "--seed", "1", "--workers", "1"),
        *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--no-color"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-4000:]
