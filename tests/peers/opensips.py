"""OpenSIPS' own tools for its management interface, in an environment of their own (script/setup --peers)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.peers.ports import HOST

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


@asynccontextmanager
async def opensips_event(port: int, event: str) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    """Run `opensips-event`, which subscribes over HTTP at that port; what it prints is put into the queue."""
    process = await asyncio.create_subprocess_exec(
        *(str(TOOLS / "opensips-event"), "-t", "http", "-i", HOST, "-p", str(port), "-li", HOST, event),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    reading = asyncio.create_task(_read_documents(process, events))
    try:
        yield events
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read_documents(process: asyncio.subprocess.Process, events: asyncio.Queue[dict[str, Any]]) -> None:
    """Read JSON documents that stand one after the other; each ends with a line that is a brace alone."""
    assert process.stdout is not None
    lines: list[bytes] = []
    async for line in process.stdout:
        lines.append(line)
        if line.rstrip() == b"}":
            events.put_nowait(json.loads(b"".join(lines)))
            lines.clear()
