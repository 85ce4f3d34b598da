"""The HTTP server as configured."""

from __future__ import annotations

import structlog

from gateways.http.server import HttpServer, HttpSettings
from rtp_relay.assembly.errors import StartError
from rtp_relay.config.http import HttpConfig

log = structlog.get_logger()


async def open_http(config: HttpConfig, *, shared: bool = False) -> HttpServer:
    """Open the HTTP server, whose routes can be added later. Raises StartError for an address that cannot be had.

    The usual address is a convenience: where it cannot be had, the service goes on without it.
    """
    server = HttpServer(HttpSettings(listen=config.addresses, allow=config.allow, shared=shared))
    try:
        await server.open()
    except OSError as error:
        if config.listen is not None:
            raise StartError(f"the HTTP server cannot listen on {error.strerror}") from error
        log.warning("no HTTP server", why=error.strerror)
    return server
