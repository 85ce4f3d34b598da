"""The page's server, put together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

from rtp_relay.web.context import CONTEXT, Context, keep_open
from rtp_relay.web.guard import explained, guarded
from rtp_relay.web.pages import call, calls, findings, login, moves, nodes, overview, rates, tail
from rtp_relay.web.security import STATIC, add_headers

LARGEST_FORM: Final = 64 * 1024
"""Bytes of a form at most."""

_STATIC: Final = Path(__file__).parent / "static"

_PAGES: Final = (login, overview, rates, nodes, moves, calls, call, tail, findings)


def make_app(context: Context) -> web.Application:
    """Return the application of a process."""
    app = web.Application(middlewares=[explained, guarded], client_max_size=LARGEST_FORM)
    app[CONTEXT] = context
    app.cleanup_ctx.append(keep_open)
    app.on_response_prepare.append(add_headers)
    for each in _PAGES:
        each.add_to(app.router)
    app.router.add_static(STATIC, _STATIC)
    return app
