"""The routing scripts of examples/scripts with the tests' own addresses, and the parties that they are written for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.sip.calls import Call, Scene
from tests.e2e.sip.stage import Stage
from tests.peers.rtp import converse, media_address
from tests.peers.service import ROOT
from tests.peers.srtp import SrtpEndpoint
from tests.peers.ua import Arrived, Place, Sent, Tls, UserAgent

SCRIPTS = ROOT / "examples" / "scripts"
CALLED = "sip:bob@example.org"
ACCESS = "127.0.0.2"
"""Where parties behind a NAT are seen from outside."""

PRIVATE = "10.0.0.7"
"""The address that they know of themselves."""


def example(name: str, folder: Path, addresses: Mapping[str, str]) -> Path:
    """Copy an example with other addresses: each of those named stands in it once."""
    program = (SCRIPTS / f"{name}.py").read_text()
    for written, real in addresses.items():
        assert program.count(written) == 1, written
        program = program.replace(written, real)
    copy = folder / f"{name}.py"
    copy.write_text(program)
    return copy


def uri(place: Place) -> str:
    """Return the URI that leads to a place."""
    how = "" if place.transport == "udp" else f";transport={place.transport}"
    return f"sip:{place.host}:{place.port}{how}"


def protocol(body: bytes) -> bytes:
    """Return the transport protocol of an SDP's first stream."""
    return body.partition(b"\r\nm=")[2].split()[2]


async def over(call: Call, by: str) -> None:
    """Offer again from both sides, talk, and hang up; then see that nothing is left."""
    await call.keeps_its_ports("caller")
    await call.keeps_its_ports("callee")
    await call.talk()
    await call.hang_up(by)
    await call.stage.nothing_is_left(call.caller.dialog.call_id)


def place_call(stage: Stage, caller: UserAgent) -> Sent:
    """Call somebody of whom the script knows where he is."""
    return caller.invite(CALLED, stage.place(), sdp=caller.sdp())


async def accept(stage: Stage, sent: Sent, arrived: Arrived, caller: UserAgent, callee: UserAgent) -> Call:
    """Let the callee answer."""
    callee.reply(arrived, 200, sdp=callee.sdp())
    return await Scene(stage, caller, [callee]).accepted(sent, arrived, callee)


async def talk_directly(call: Call) -> None:
    """Let both talk until they hear each other, without a relay."""
    for side, other in (call.sides("caller"), call.sides("callee")):
        assert media_address(side.hears) == other.agent.media.address
        side.agent.media.talk_to(media_address(side.hears))
    await converse(call.caller.agent.media, call.callee.agent.media)


class Hidden(UserAgent):
    """One behind a NAT: all that it says of itself is an address that nobody can reach."""

    def __init__(self, name: str) -> None:
        super().__init__(name, host=ACCESS)

    @property
    def contact(self) -> str:
        return f"sip:{self.name}@{PRIVATE}:5060"

    def sdp(self, direction: str = "sendrecv") -> str:
        return super().sdp(direction).replace(ACCESS, PRIVATE)

    def _via(self, place: Place, branch: str) -> str:
        return super()._via(place, branch).replace(ACCESS, PRIVATE)


class Encrypting(UserAgent):
    """One whose media are SRTP, with keys in the SDP."""

    def __init__(self, name: str, tls: Tls) -> None:
        super().__init__(name, "tls", tls=tls)
        self.media: SrtpEndpoint = SrtpEndpoint()


class Browser(UserAgent):
    """One whose SDP is that of a browser. Its media are not: it speaks neither ICE nor DTLS."""

    def sdp(self, direction: str = "sendrecv") -> str:
        host, port = self.media.address
        lines = [
            f"a=candidate:1 1 UDP 2130706431 {host} {port} typ host",
            "a=ice-ufrag:browser1",
            "a=ice-pwd:0123456789abcdefghijklmn",
            f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}",
            "a=setup:active",
            "a=rtcp-mux",
        ]
        sdp = super().sdp(direction).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
        return sdp + "".join(f"{line}\r\n" for line in lines)
