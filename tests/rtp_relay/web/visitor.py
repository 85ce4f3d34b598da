"""A browser's side of the page, without a browser: cookies, forms, and the page on a journal in memory."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from events.memory import MemoryJournal
from gateways.mi.methods import Role
from rtp_relay.config import Config, ServiceConfig
from rtp_relay.config.web import WebConfig
from rtp_relay.web.accounts import Account, PlainToken
from rtp_relay.web.app import make_app
from rtp_relay.web.context import CONTEXT, Context
from rtp_relay.web.logins import Logins, Tries

TOKENS = {Role.OPERATE: "an-operators-token", Role.READ: "a-readers-token-x"}
ACCOUNTS = (
    Account("olga", Role.OPERATE, PlainToken(TOKENS[Role.OPERATE])),
    Account("rita", Role.READ, PlainToken(TOKENS[Role.READ])),
)


class Visitor:
    """Somebody with a browser. Redirections are followed, as browsers follow them."""

    def __init__(self, client: TestClient) -> None:  # type: ignore[type-arg]
        self.client = client
        self.page = ""
        self.headers: dict[str, str] = {}
        self.headers_sent: dict[str, str] = {}
        """What is sent along with forms."""

    async def get(self, path: str, **headers: str) -> int:
        """Load a page, and return the status."""
        async with self.client.get(path, headers=headers) as answer:
            self.page, self.headers = await answer.text(), dict(answer.headers)
            return answer.status

    async def log_in(self, role: Role) -> None:
        """Log in by the link of a role's token."""
        assert await self.get(f"/login?token={TOKENS[role]}") == 200

    async def send(self, path: str, *, token: str | None = None, **fields: str) -> int:
        """Send a form of the page that is shown; token: in place of its own."""
        own = re.search(r'name="form_token" value="([^"]+)"', self.page)
        given = token if token is not None else own[1] if own else ""
        data = {"form_token": given, **fields}
        async with self.client.post(path, data=data, headers=self.headers_sent) as answer:
            self.page, self.headers = await answer.text(), dict(answer.headers)
            return answer.status

    @property
    def text(self) -> str:
        """What a reader sees of the page."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.page)))


@asynccontextmanager
async def visiting(
    monkeypatch: pytest.MonkeyPatch, folder: Path, journal: MemoryJournal, web: WebConfig | None = None
) -> AsyncIterator[Visitor]:
    """Return a visitor of a page that reads a journal in memory, and beside which no service runs."""

    @asynccontextmanager
    async def open_journal(_: Config) -> AsyncIterator[MemoryJournal]:
        yield journal

    monkeypatch.setattr("rtp_relay.web.context.open_journal", open_journal)
    config = Config(service=ServiceConfig(name="control-1", state_dir=folder), web=web or WebConfig())
    context = Context(config, ACCOUNTS, Logins(time.monotonic), Tries(time.monotonic))
    app = make_app(context)
    assert app[CONTEXT] is context
    async with TestClient(TestServer(app)) as client:
        yield Visitor(client)
