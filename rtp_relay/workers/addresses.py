"""The addresses that workers share: looked at once before the first of them starts.

Workers bind with SO_REUSEPORT, which would let a second service of this user have the same addresses without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from gateways.sockets import bind
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import Config, SocketAddress
from rtp_relay.config.http import HttpConfig

log = structlog.get_logger()

PATIENCE = 2.0
"""Seconds in which the workers of a service that was killed have ended, and their addresses are free."""

_TRY_AGAIN = 0.1


async def settled(config: Config) -> Config:
    """Return the configuration with ports where the system may choose. Raises StartError for what is in use."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        try:
            return _settled(config)
        except StartError:
            if loop.time() > until:
                raise
        await asyncio.sleep(_TRY_AGAIN)


def _settled(config: Config) -> Config:
    return replace(
        config,
        ng=replace(config.ng, listen=_free("ng door", config.ng.listen)),
        sip=replace(config.sip, listen=_free("SIP door", config.sip.listen)),
        http=replace(config.http, listen=_free_for_http(config.http)),
    )


def _free_for_http(config: HttpConfig) -> tuple[SocketAddress, ...]:
    """Return where the HTTP server can listen; nowhere, if that would be the usual address and it is in use."""
    try:
        return _free("HTTP server", config.addresses)
    except StartError as error:
        if config.listen is not None:
            raise
        log.warning("no HTTP server", why=str(error))
        return ()


def _free(what: str, addresses: Sequence[SocketAddress]) -> tuple[SocketAddress, ...]:
    socks = []
    try:
        for address in addresses:
            try:
                socks.append(bind(address))
            except (OSError, ValueError) as error:
                why = (isinstance(error, OSError) and error.strerror) or error
                raise StartError(f"the {what} cannot listen on {address}: {why}") from error
        return tuple(
            replace(address, port=sock.getsockname()[1]) for address, sock in zip(addresses, socks, strict=True)
        )
    finally:
        for sock in socks:
            sock.close()
