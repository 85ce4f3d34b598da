"""The addresses that workers share: looked at once before the first of them starts.

Workers bind with SO_REUSEPORT, which would let a second service of this user have the same addresses without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateways.sockets import bind
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import Config, SocketAddress

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
        ng=replace(config.ng, listen=_free("ng", config.ng.listen)),
        sip=replace(config.sip, listen=_free("SIP", config.sip.listen)),
    )


def _free(door: str, addresses: Sequence[SocketAddress]) -> tuple[SocketAddress, ...]:
    socks = []
    try:
        for address in addresses:
            try:
                socks.append(bind(address))
            except (OSError, ValueError) as error:
                why = (isinstance(error, OSError) and error.strerror) or error
                raise StartError(f"the {door} door cannot listen on {address}: {why}") from error
        return tuple(
            replace(address, port=sock.getsockname()[1]) for address, sock in zip(addresses, socks, strict=True)
        )
    finally:
        for sock in socks:
            sock.close()
