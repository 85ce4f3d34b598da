"""OpenSIPS' own tools for its management interface, in an environment of their own (script/setup --peers)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parents[2] / ".peers" / "opensips" / "bin"


class ToolError(Exception):
    """The tool says that it failed."""


async def opensips_mi(*words: str) -> Any:
    """Run `opensips-mi`, and return the result that it prints. Raises ToolError with what it says instead."""
    return json.loads(await _run("opensips-mi", *words))


async def opensips_cli(url: str, *words: str) -> Any:
    """Run `opensips-cli` with a command of MI over HTTP, and return the result. Raises ToolError."""
    return json.loads(
        await _run("opensips-cli", "-o", "communication_type=http", "-o", f"url={url}", "-x", "mi", *words)
    )


async def _run(tool: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(TOOLS / tool), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaint = await process.communicate()
    if process.returncode or b"ERROR" in output + complaint:
        raise ToolError((output + complaint).decode())
    return output.decode()
