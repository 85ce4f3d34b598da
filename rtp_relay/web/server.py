"""Serves the page's application, bounded as all HTTP servers here are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from gateways.bounded_http import MAX_CONNECTIONS, BoundedServer

GRACE: Final = 1.0
"""Seconds for which requests in work may go on when the page ends."""


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[web.ServerRunner]:
    """Give what sites run an application by, which lives as long."""
    made = web.AppRunner(app)
    await made.setup()
    try:
        assert made.server is not None
        handler, made_by = made.server.request_handler, made.server.request_factory
        runner = web.ServerRunner(BoundedServer(handler, most=MAX_CONNECTIONS, made_by=made_by), shutdown_timeout=GRACE)
        await runner.setup()
        try:
            yield runner
        finally:
            await runner.cleanup()
    finally:
        await made.cleanup()
