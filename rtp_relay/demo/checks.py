"""What others than the ng door say: the journal, and the relays themselves."""

from __future__ import annotations

import asyncio
import re
import socket

from actors.control.status import read_status
from engines.cookies import CookieSource
from events.names import CallId
from events.records import Recorded
from rtp_relay.assembly.journal import open_journal
from rtp_relay.config import Config

TRIES = 5
PATIENCE = 0.5


class NoWitnessError(Exception):
    """A relay does not answer, or says what cannot be understood."""


async def relays(config: Config) -> dict[str, str]:
    """Return the relays' control urls by name, as the control node has published them; none until it has."""
    async with open_journal(config) as journal:
        return {node.name: node.url for status in await read_status(journal) for node in status.nodes}


async def live_calls(config: Config) -> list[str]:
    """Return the call-ids in the journal's table of live calls."""
    async with open_journal(config) as journal:
        return [call.call_id async for call in journal.live_calls()]


async def history(config: Config, call_id: str) -> list[Recorded]:
    """Return a call's stream."""
    async with open_journal(config) as journal:
        return await journal.read(CallId(call_id))


async def sessions(url: str) -> int:
    """Return how many sessions an rtpproxy at a url says that it holds. Raises NoWitnessError."""
    told = await asyncio.to_thread(_ask, url, b"I")
    found = re.search(r"^active sessions: (\d+)", told, re.MULTILINE)
    if found is None:
        raise NoWitnessError(f"the relay at {url} says {told!r}")
    return int(found[1])


def _ask(url: str, command: bytes) -> str:
    host, _, port = url.removeprefix("udp:").rpartition(":")
    cookie = CookieSource().next()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((host, int(port)))
        for _ in range(TRIES):
            try:
                client.send(cookie + b" " + command)
                reply = client.recv(65536)
            except OSError:
                continue
            if reply.startswith(cookie + b" "):
                return reply.removeprefix(cookie + b" ").decode("utf-8", "replace")
    raise NoWitnessError(f"the relay at {url} does not answer")
