"""What the page's handlers have: the configuration, the journal, who is logged in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from aiohttp import web

from actors.control.control import Control
from events.journal import Journal, JournalUnavailable
from rtp_relay.assembly.nodes import spec_of
from rtp_relay.config import Config
from rtp_relay.service import open_journal
from rtp_relay.web.accounts import Account
from rtp_relay.web.comparison import Comparison
from rtp_relay.web.feed import Feed
from rtp_relay.web.logins import Login, Logins, Tries
from rtp_relay.web.management import Management
from rtp_relay.web.rates import Rates
from rtp_relay.web.rendering import rendered
from rtp_relay.web.security import COOKIE

AGAIN: Final = 1.0
"""Seconds until a journal that could not be opened is tried again."""


@dataclass(slots=True)
class Context:
    """One of a process. opened: the journal, once it could be reached."""

    config: Config
    accounts: tuple[Account, ...]
    logins: Logins
    tries: Tries
    rates: Rates = field(default_factory=Rates)
    feed: Feed = field(default_factory=Feed)
    comparison: Comparison = field(default_factory=Comparison)
    opened: Opened | None = None
    why_not: str = "it was not tried yet"

    @property
    def there(self) -> Opened:
        """The journal and what is done with it. Raises JournalUnavailable until it was reached."""
        if self.opened is None:
            raise JournalUnavailable(self.why_not)
        return self.opened


@dataclass(slots=True)
class Opened:
    """The journal, and what reads and changes by it."""

    journal: Journal
    control: Control
    management: Management


CONTEXT: Final = web.AppKey("context", Context)


def context_of(request: web.Request) -> Context:
    """Return the context of a request."""
    return request.app[CONTEXT]


def visitor_of(request: web.Request) -> Login | None:
    """Return who sent a request, None if nobody who is logged in."""
    return context_of(request).logins.of(request.cookies.get(COOKIE, ""))


def named_in(request: web.Request, name: str) -> str:
    """Return what a request's URL names: the bytes that `in_url` wrote, which need not be UTF-8; "" for nothing."""
    return parse_qs(request.rel_url.raw_query_string, errors="surrogateescape").get(name, [""])[0]


def login_of(request: web.Request) -> Login:
    """Return who sent a request of somebody who is logged in. Raises HTTPUnauthorized where that is over."""
    login = visitor_of(request)
    if login is None:
        raise web.HTTPUnauthorized(text="Log in again.")
    return login


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Return a page for who asks, with what there is to tell of what they did before."""
    login = visitor_of(request)
    notices = login.take_notices() if login is not None and not template.startswith("part/") else ()
    text = rendered(template, {"login": login, "path": request.path, "notices": notices, **values})
    return web.Response(text=text, status=status, content_type="text/html")


async def keep_open(app: web.Application) -> AsyncIterator[None]:
    """Open the journal as soon as it can be reached; meanwhile the page says that it cannot be."""
    context = app[CONTEXT]
    async with AsyncExitStack() as stack:
        opening = asyncio.create_task(_read(context, stack))
        yield
        await context.feed.close()
        await context.comparison.close()
        opening.cancel()
        await asyncio.wait([opening])


async def _read(context: Context, stack: AsyncExitStack) -> None:
    """Open the journal, and look at the rates from then on."""
    await context.rates.run(await _open(context, stack))


async def _open(context: Context, stack: AsyncExitStack) -> Journal:
    config = context.config
    while True:
        try:
            journal = await stack.enter_async_context(open_journal(config))
        except JournalUnavailable as error:
            context.why_not = str(error)
            await asyncio.sleep(AGAIN)
            continue
        numbers = context.rates.numbers = context.feed.numbers = config.privacy.shown
        name, nodes = f"{config.service.name} (page)", [spec_of(node) for node in config.nodes]
        control = Control(journal, name=name, configured=nodes, numbers=numbers)
        management = Management(config.local_socket, control, config.sets.names)
        stack.push_async_callback(management.close)
        context.opened = Opened(journal, control, management)
        return journal
