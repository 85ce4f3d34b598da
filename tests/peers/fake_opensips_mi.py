"""The management interface of an OpenSIPS, scripted: what it is asked, and what it answers.

A fake: a real one answers an update only of a dialog that its own script has engaged a relay for, and cannot be made to
answer late, wrongly or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


async def done(request: dict[str, Any]) -> web.StreamResponse:
    """Answer as OpenSIPS does when the update has ended."""
    return web.json_response({"jsonrpc": "2.0", "result": "Sessions: 1", "id": request["id"]})


def refused(code: int, message: str) -> Answer:
    """Answer with an error, with HTTP status 200, as OpenSIPS does."""

    async def answer(request: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": request["id"]})

    return answer


def says(text: str, status: int = 200) -> Answer:
    """Answer with these bytes, whatever they are."""

    async def answer(_: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return answer


async def silent(_: dict[str, Any]) -> web.StreamResponse:
    """Answer nothing in anybody's time."""
    await asyncio.sleep(60)
    raise AssertionError("somebody waited for a minute")


class FakeOpensipsMi:
    """Takes requests at `url`, keeps them (`asked`), and answers each by `answer`."""

    def __init__(self, answer: Answer = done) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        app = web.Application()
        app.router.add_post("/mi", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/mi"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        return await self.answer(asked)
