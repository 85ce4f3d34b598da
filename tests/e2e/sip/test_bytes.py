"""Bytes that are not UTF-8, as PBXs and gateways write names and reason phrases: they go through a whole call."""

from __future__ import annotations

import asyncio
import re

import pytest

from engines.sdp.session import parse
from events.sip_events import PartyLearned
from tests.e2e.sip.stage import ENDED, PLAIN, Stage
from tests.peers.datagram import Address, DatagramSocket
from tests.peers.ports import HOST
from tests.peers.rtp import make_sdp
from tests.peers.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

NAME = b"M\xfcller"


class Party(DatagramSocket):
    """A socket whose messages are bytes."""

    def __init__(self, call_id: str) -> None:
        super().__init__()
        self.call_id = call_id
        self._came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002
        self._came.put_nowait(data)

    async def get(self, start: bytes) -> bytes:
        """Return the next message that begins so."""
        async with asyncio.timeout(10):
            while not (message := await self._came.get()).startswith(start):
                pass
        return message

    def ask(self, method: str, other: Address, door: Address, *lines: bytes, tags: tuple[bytes, bytes]) -> None:
        """Send a request."""
        host, port = self.address
        start = f"{method} sip:x@{other[0]}:{other[1]} SIP/2.0".encode()
        via = f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{method}-{port}".encode()
        head = [
            start,
            via,
            b"Max-Forwards: 70",
            b'From: "%b" <sip:x@example.com>;tag=%b' % (NAME, tags[0]),
            b'To: "%b" <sip:y@example.com>%b' % (NAME, b";tag=" + tags[1] if tags[1] else b""),
            f"Call-ID: {self.call_id}\r\nCSeq: 1 {method}".encode(),
            f"Contact: <sip:x@{host}:{port}>".encode(),
            b"Organization: " + NAME,
        ]
        body = make_sdp(self.address).encode() if method == "INVITE" else b""
        self.send(_message([*head, *lines], body), door)

    def reply(self, request: bytes, status: bytes, door: Address, *, tag: bytes = b"", body: bytes = b"") -> None:
        """Answer a request."""
        kept = [line for line in request.split(b"\r\n") if line.startswith(_COPIED)]
        kept = [line + b";tag=" + tag if tag and line.startswith(b"To:") else line for line in kept]
        contact = "Contact: <sip:y@{}:{}>".format(*self.address).encode()
        self.send(_message([b"SIP/2.0 " + status, *kept, contact, b"Server: " + NAME], body), door)


_COPIED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:", b"Record-Route:")


def _message(lines: list[bytes], body: bytes) -> bytes:
    kind = [b"Content-Type: application/sdp"] if body else []
    return b"\r\n".join([*lines, *kind, b"Content-Length: %d" % len(body), b"", body])


def named(message: bytes) -> set[bytes]:
    """Return the names of the lines that have the name in them."""
    lines = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return {re.split(rb"[: ]", line)[0] for line in lines if NAME in line}


def relayed(stage: Stage, message: bytes) -> bool:
    """Return whether the session description in a message is the relay's."""
    low, high = stage.relay.media_ports
    ports = [int(stream.port.text) for stream in parse(message.partition(b"\r\n\r\n")[2]).live_streams]
    return bool(ports) and all(low <= port <= high for port in ports)


async def test_a_call_between_parties_that_write_another_encoding(stage: Stage) -> None:
    door = (HOST, stage.service.sip_port)
    call_id = f"not-utf-8-{stage.engine}"
    async with Party(call_id) as caller, Party(call_id) as callee:
        caller.ask("INVITE", callee.address, door, b"X-Engine: " + stage.engine.encode(), tags=(b"a1", b""))
        invite = await callee.get(b"INVITE")
        assert named(invite) == {b"From", b"To", b"Organization"}
        assert relayed(stage, invite)
        assert named(await caller.get(b"SIP/2.0 100")) == {b"From", b"To"}
        callee.reply(invite, b"200 " + NAME, door, tag=b"b1", body=make_sdp(callee.address).encode())
        final = await caller.get(b"SIP/2.0 200")
        assert named(final) == {b"SIP/2.0", b"From", b"To", b"Server"}
        assert relayed(stage, final)
        route = re.findall(rb"\r\nRecord-Route: ([^\r]+)", final)[0]
        caller.ask("ACK", callee.address, door, b"Route: " + route, tags=(b"a1", b"b1"))
        assert named(await callee.get(b"ACK")) == {b"From", b"To", b"Organization"}
        callee.ask("BYE", caller.address, door, b"Route: " + route, tags=(b"b1", b"a1"))
        bye = await caller.get(b"BYE")
        caller.reply(bye, b"200 " + NAME, door)
        assert named(await callee.get(b"SIP/2.0 200")) == {b"SIP/2.0", b"From", b"To", b"Server"}
    await stage.nothing_is_left(call_id)
    assert await stage.told(call_id) == PLAIN + ENDED
    await what_an_operator_sees_is_readable(stage.service, call_id)


async def what_an_operator_sees_is_readable(service: Service, call_id: str) -> None:
    events = await service.events(call_id)
    parties = [record.event.uri for record in events if isinstance(record.event, PartyLearned)]
    assert all(NAME in uri.encode(errors="surrogateescape") for uri in parties)
    assert len(parties) >= 2
    assert await service.history(call_id) == [record.event.name for record in events]
    code, output, complaint = await service.run("history", call_id)
    assert (code, complaint) == (0, "")
    assert r"M\udcfcller" in output
