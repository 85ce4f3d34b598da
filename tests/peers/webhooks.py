"""A receiver of webhooks, which checks what it gets as the Standard Webhooks specification says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.peers.peer import wait_until
from tests.peers.ports import HOST


@dataclass
class Receiver:
    """What came. `status` says with which status a document is answered; those that got 200 are `taken`."""

    secret: bytes = b""
    status: Callable[[dict[str, Any]], int] = lambda _document: 200
    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    hold: asyncio.Event | None = None

    async def answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        document = json.loads(body)
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/json"
        event_id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert document["id"] == event_id
        if self.secret:
            signed = hmac.new(self.secret, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
            assert f"v1,{base64.b64encode(signed).decode()}" in request.headers["webhook-signature"].split(" ")
        self.attempts[event_id] += 1
        if self.hold is not None:
            await self.hold.wait()
        status = self.status(document)
        if status == 200:
            self.taken.append(document)
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    def events(self, call_id: str) -> list[str]:
        """Return the names of a call's events that were taken, in their order."""
        return [one["event"] for one in self.taken if one["call_id"] == call_id]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async def holds() -> bool:
            return bool(condition())

        await wait_until(holds, what)


@asynccontextmanager
async def receiving(secret: bytes = b"", port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver(secret)
    runner = web.ServerRunner(web.Server(receiver.answer), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port, reuse_address=True)
    await site.start()
    assert site._server is not None
    receiver.url = f"http://{HOST}:{site._server.sockets[0].getsockname()[1]}/hook"  # type: ignore[attr-defined]
    try:
        yield receiver
    finally:
        await runner.cleanup()
