"""What the routing has around it: calls that say what they are told to, and branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sipmessage import Request, Response

from actors.commands.sip import PartyFacts
from actors.results import Observed, Refused
from engines.refusal import RefusalCode
from events.names import NO_TAG, Leg, Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.calls.client import CallClient
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import copy_request
from gateways.sip.messages.reading import read
from gateways.sip.proxy.hooks import ProxyTarget, ReceivedRequest
from gateways.sip.routing.sides import CallSide, settle
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Fault, Role, SipMessage, Verdict
from replay.settings_changes import SettingsChange

HERE = ListeningPoint(SipTransport.UDP, "192.0.2.10", 5060, "192.0.2.10", 5060)
CALLER_HOP = Hop(SipTransport.UDP, "192.0.2.1", 5062, HERE)
CALLEE_HOP = Hop(SipTransport.UDP, "192.0.2.2", 5064, HERE)
SDP, RELAYED = b"v=0\r\nc=IN IP4 192.0.2.1\r\n", b"v=0\r\nc=IN IP4 192.0.2.99\r\n"


def observed(role: Role, fault: Fault = Fault.NONE, **more: Any) -> Observed:
    """What became of a message that was taken for this."""
    return Observed(verdict=Verdict(role, Leg.CALLER, fault=fault), **more)


NO_REPLY = Refused(RefusalCode.NO_REPLY, "Node a: no answer")
PLAIN = observed(Role.NOTHING)
OFFER = observed(Role.OFFER, sdp=RELAYED)


@dataclass(slots=True)
class Told:
    """What a call was told of one message."""

    event: SipMessage
    source: str
    changes: Sequence[SettingsChange]
    party: PartyFacts | None
    expires: int
    joins: bool


@dataclass(slots=True)
class FakeCalls(CallClient):
    """Gives `answers` one after the other, then OFFER to what has SDP and PLAIN to what has not."""

    call: CallSnapshot = field(default_factory=CallSnapshot)
    answers: list[Observed] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def snapshot(self, name: str) -> CallSnapshot:
        assert name == "c1"
        return self.call

    async def signal(
        self,
        name: str,
        event: SipMessage,
        *,
        source: str,
        changes: Sequence[SettingsChange] = (),
        party: PartyFacts | None = None,
        expires: int = 0,
        joins: bool = False,
    ) -> Observed:
        assert name == "c1"
        self.told.append(Told(event, source, changes, party, expires, joins))
        if self.answers:
            return self.answers.pop(0)
        return PLAIN if event.sdp is None else OFFER

    async def end(self, name: str, callers_tag: Tag, why: str) -> None:
        assert (name, callers_tag) == ("c1", "a1")
        self.ended.append(why)

    def seen(self) -> list[tuple[str, int | None, str]]:
        """Method, status and branch of what it was told of."""
        return [(told.event.method, told.event.status, told.event.branch) for told in self.told]


@dataclass(slots=True)
class FakeBranch:
    index: int
    target: ProxyTarget
    request: Request
    source: Hop | None = CALLEE_HOP


@dataclass(slots=True)
class Settled:
    """A side whose word is put into the messages, as a journey does it."""

    side: CallSide

    async def leaves(self, branch: FakeBranch) -> None:
        settle(await self.side.leaves(branch), branch.request)

    async def answered(self, branch: FakeBranch, response: Response) -> None:
        settle(await self.side.answered(branch, response), response)

    async def refused(self, branch: FakeBranch, response: Response) -> None:
        await self.side.refused(branch, response)

    async def given_up(self) -> None:
        await self.side.given_up()

    async def abandoned(self, response: Response) -> None:
        await self.side.abandoned(response)

    async def cancelled(self) -> None:
        await self.side.cancelled()


class Nobody:
    """Ends no dialogs."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody should ask for {name}")


def incoming(
    method: str = "INVITE",
    *,
    cseq: int = 1,
    to_tag: Tag = NO_TAG,
    more: str = "",
    body: bytes = SDP,
    by_callee: bool = False,
) -> IncomingRequest:
    caller, callee = "<sip:alice@example.com>;tag=a1", f"<sip:bob@example.com>{f';tag={to_tag}' if to_tag else ''}"
    sender, other = (callee, caller) if by_callee else (caller, callee)
    hop = CALLEE_HOP if by_callee else CALLER_HOP
    kind = "Content-Type: application/sdp\r\n" if body else ""
    head = (
        f"{method} sip:bob@192.0.2.2:5064 SIP/2.0\r\nVia: SIP/2.0/UDP {hop.host}:{hop.port};branch=z9hG4bK1\r\n"
        f"From: {sender}\r\nTo: {other}\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:user@{hop.host}:{hop.port}>\r\n{more}{kind}Content-Length: {len(body)}\r\n\r\n"
    )
    found = read(head.encode() + body, hop)
    assert isinstance(found, IncomingRequest)
    return found


def arrival(request: IncomingRequest, *, ours: bool | None = None) -> ReceivedRequest:
    """An arrival; by default one with our mark if it is in a dialog."""
    marked = bool(request.to_tag) if ours is None else ours
    return ReceivedRequest(request, copy_request(request.message), {"lr": None, "rl": None} if marked else None)


def branch(request: IncomingRequest, index: int = 0) -> FakeBranch:
    copy = copy_request(request.message)
    return FakeBranch(index, ProxyTarget(copy.uri), copy)
