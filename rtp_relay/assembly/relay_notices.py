"""What rtpengines tell unasked, taken as configured, and what comes of it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from actors.commands.recovery import EndVanishedSession
from actors.control.happenings import DigitHappening, Happening
from actors.directory import Directory
from actors.results import Done, Refused
from events.names import CallId, RelayId
from gateways.relay_notice_doors import Vanished, taking_datagrams, taking_timeouts
from gateways.relay_notices import NotUnderstood, pressed_key
from gateways.sockets import bind
from gateways.webhooks.messages import of_digit
from gateways.webhooks.poster import Poster
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import CallsConfig, SocketAddress
from rtp_relay.config.events import EventsConfig
from rtp_relay.config.model import OnMediaTimeout
from rtp_relay.workers.seat import Seat

log = structlog.get_logger(bounded=True)

KEYS = "0123456789*#ABCD"
"""The keys by their codes (RFC 4733 3.2); the one after these is a flash."""


@asynccontextmanager
async def timeouts_taken(config: CallsConfig, directory: Directory, seat: Seat | None = None) -> AsyncIterator[None]:
    """Take what is told of calls without media, if that is wished, while the block runs.

    Of several workers, which have a `seat` each, the first one does so for all of them. Raises StartError for an
    address that cannot be used.
    """
    if config.xmlrpc_notices is None:
        yield
        return
    end = _ending_vanished(directory, ends_call=config.on_media_timeout is OnMediaTimeout.END)
    vanished = end if seat is None else seat.hands_vanished_to(end)
    if seat is not None and not seat.is_first:
        yield
        return
    async with taking_timeouts(_bound(config.xmlrpc_notices), vanished):
        yield


def _ending_vanished(directory: Directory, *, ends_call: bool) -> Vanished:
    """Return what has a call see to a session that may be gone."""

    def end(call_id: CallId, relay_id: RelayId) -> None:
        def done(result: Done | Refused) -> None:
            why = result.reason if isinstance(result, Refused) else result.warning
            log.info("media timed out", call_id=call_id, relay_id=relay_id, ended=isinstance(result, Done), why=why)

        command = EndVanishedSession(call_id=call_id, relay_id=relay_id, ends_call=ends_call, at=directory.now())
        directory.submit(command, done)

    return end


@asynccontextmanager
async def keys_taken(
    config: EventsConfig, tell: Callable[[Happening], None], poster: Poster | None, now: Callable[[], int]
) -> AsyncIterator[None]:
    """Take what is told of keys while the block runs. Raises StartError for an address that cannot be used."""
    assert config.dtmf is not None

    def take(datagram: bytes) -> None:
        try:
            digit = pressed_key(datagram, shown=config.digits)
        except NotUnderstood as error:
            log.warning("notice of a key not understood", why=str(error))
            return
        tell(digit)
        if poster is not None and poster.wants_keys:
            poster.tell(of_digit(digit.call_id, now(), secrets.token_hex(12), _described(digit)))

    async with taking_datagrams(_bound(config.dtmf), take):
        yield


def _described(digit: DigitHappening) -> dict[str, Any]:
    """Return what a webhook says of a key."""
    described: dict[str, Any] = {
        "party": digit.party,
        "parties": list(digit.parties),
        "duration": digit.duration,
        "volume": digit.volume,
        "source": digit.source,
    }
    if digit.code is not None:
        described["digit"] = KEYS[digit.code] if digit.code < len(KEYS) else "flash"
    return described


def _bound(address: SocketAddress) -> socket.socket:
    try:
        return bind(address)
    except OSError as error:
        raise StartError(f"notices cannot be listened for at {address}: {error.strerror}") from error
