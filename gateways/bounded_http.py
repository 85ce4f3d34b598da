"""A server of HTTP connections of which no client has too many, or keeps one without asking anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

RequestFactory = Callable[
    [RawRequestMessage, StreamReader, web.RequestHandler, AbstractStreamWriter, "asyncio.Task[None]"], web.BaseRequest
]
"""What makes a request of what has come on a connection."""

log = structlog.get_logger(bounded=True)

MAX_CONNECTIONS = 200
"""Connections at a time that a server for operators and programs has; one more is closed at once."""

PATIENCE = 30.0
"""Seconds in which the next request on a connection has to have come, also the first one."""


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class BoundedServer(web.Server):
    """Accepts connections, up to `most` at a time, and closes those without a request for 30 s.

    made_by: makes of what comes the requests that the handler takes, if it takes others than web.BaseRequest.
    """

    def __init__(self, handler: Handler, *, most: int, made_by: RequestFactory | None = None) -> None:
        super().__init__(
            handler, request_factory=made_by, access_log=None, keepalive_timeout=PATIENCE, logger=_library_log()
        )
        self._most = most

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a new connection, or break it."""
        super().connection_made(handler, transport)
        if len(self.connections) > self._most:
            log.warning("too many HTTP connections", most=self._most)
            transport.abort()


def _library_log() -> logging.Logger:
    """Return the logger of a server whose clients cannot fill the log."""
    logger = logging.getLogger(__name__)
    logger.addFilter(_told)  # once, however often
    return logger


def _told(record: logging.LogRecord) -> bool:
    """Tell at a bounded rate what the library would tell of each request that it cannot read or serve."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        log.warning("HTTP request refused", what=record.getMessage(), why=error.message or type(error).__name__)
    else:
        log.error("HTTP request failed", what=record.getMessage(), exc_info=record.exc_info)
    return False
