"""Requests of our own over real sockets and transactions, to a user agent that forgives nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sipmessage import URI, Request

from actors.sip_requests import DialogRequest, SipOutcome
from events.names import CallId, Leg
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.making import sent_from
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.timers import Timers
from gateways.sip.transactions.users import ServerTransaction, TransactionFailure
from gateways.sip.transport.resolver import UriResolver
from gateways.sip.transport.settings import Listen, TransportSettings
from gateways.sip.transport.transports import Transports
from tests.gateways.sip.dialogs.fakes import Outcomes
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.ua import Dialog, UserAgent

LISTEN = [Listen(SipTransport.UDP, HOST, 0), Listen(SipTransport.TCP, HOST, 0)]


class Nobody:
    """The user of a layer to which nobody sends requests."""

    def refuses(self, request: IncomingRequest) -> None:
        raise AssertionError(request)

    def asked_about(self, request: IncomingRequest, answer: Callable[[bool], None]) -> None:
        raise AssertionError(request, answer)

    def request_came(self, transaction: ServerTransaction) -> None:
        raise AssertionError(transaction)

    def ack_came(self, ack: IncomingRequest) -> None:
        raise AssertionError(ack)

    def cancel_came(self, transaction: ServerTransaction, cancel: IncomingRequest) -> None:
        raise AssertionError(transaction, cancel)

    def stray_cancel_came(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        raise AssertionError(cancel, answer)

    def stray_response_came(self, response: IncomingResponse) -> None:
        raise AssertionError(response)


class Accepted:
    """The user of an INVITE that is accepted."""

    def __init__(self) -> None:
        self.response: asyncio.Future[IncomingResponse] = asyncio.get_running_loop().create_future()

    def response_came(self, response: IncomingResponse) -> None:
        if response.status >= 200:
            self.response.set_result(response)

    def transaction_failed(self, failure: TransactionFailure) -> None:
        raise AssertionError(failure)

    def transaction_over(self) -> None:
        """Need nothing."""


class Stack:
    """Requests of our own with all that is below them. `lose` tells which messages get lost on their way."""

    def __init__(self, lose: Callable[[bytes], bool], timers: Timers, patience: float) -> None:
        self._lose = lose
        self._transports = Transports(TransportSettings(listen=LISTEN), self._received)
        self._layer = TransactionLayer(self._send, Nobody(), timers=timers, loop=asyncio.get_running_loop())
        self._resolver = UriResolver()
        hops = Hops(self._resolver, self._transports)
        self._requests = DialogRequests(self._layer, hops, patience=patience)

    async def open(self) -> None:
        await self._transports.open()

    async def close(self) -> None:
        await self._requests.close()
        self._layer.close()
        await self._resolver.close()
        await self._transports.close()

    def signal(self, asked: DialogRequest) -> Outcomes:
        outcomes = Outcomes()
        self._requests.signal(asked, outcomes)
        return outcomes

    async def forward(self, invite: Request, to: UserAgent) -> IncomingResponse:
        """Send an INVITE of somebody else's, and wait for its 2xx, which nobody acknowledges."""
        hop = Hop(SipTransport(to.transport), to.place.host, to.place.port)
        local = self._transports.local_for(hop)
        assert local is not None
        invite.headers.add("Record-Route", f"<sip:{local.sent_by};lr>")
        accepted = Accepted()
        self._layer.request(sent_from(invite, local), hop, accepted)
        return await accepted.response

    async def quiet(self) -> None:
        """Wait until nothing of ours is under way."""

        async def nothing_is() -> bool:
            return not self._requests.in_flight

        await wait_until(nothing_is, "no request is under way")

    async def abandon(self, invite: Request, response: IncomingResponse) -> None:
        await self._requests.abandon(invite, response.message, response.hop)

    def _received(self, data: bytes, hop: Hop) -> None:
        self._layer.receive(data, hop)

    def _send(self, data: bytes, hop: Hop, failed: Callable[[str], None] | None = None) -> None:
        if not self._lose(data):
            self._transports.send(data, hop, failed)


@asynccontextmanager
async def stack(
    lose: Callable[[bytes], bool] = lambda _: False, timers: Timers | None = None, patience: float = 30.0
) -> AsyncIterator[Stack]:
    opened = Stack(lose, timers or Timers(), patience)
    try:
        await opened.open()
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def call(transport: str = "udp") -> AsyncIterator[tuple[UserAgent, UserAgent, Dialog]]:
    """A call of two user agents, and the callee's dialog."""
    async with UserAgent("caller", transport) as caller, UserAgent("callee", transport) as callee:
        sent = caller.invite(callee.uri, sdp=caller.sdp())
        invite = await callee.request("INVITE")
        callee.reply(invite, 200, sdp=callee.sdp())
        await sent.response(200)
        caller.ack(sent)
        await callee.request("ACK")
        yield caller, callee, invite.in_dialog


def asked(dialog: Dialog, method: str, to: UserAgent, of: UserAgent, sdp: str = "") -> DialogRequest:
    """Return a request to `to` as if from `of`, whose dialog it is."""
    return DialogRequest(
        call_id=CallId(dialog.call_id),
        to_leg=Leg.CALLEE,
        method=method,
        cseq=dialog.remote_seq + 1,
        from_value=dialog.remote,
        to_value=dialog.local,
        target=to.uri,
        routes=(),
        local="",
        source=str(to.place),
        body=sdp.encode(),
        content_type="application/sdp" if sdp else "",
        headers=(("Contact", f"<{of.uri}>"),) if method == "INVITE" else (),
    )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_party_is_invited_anew_and_then_hung_up_on(transport: str) -> None:
    async with call(transport) as (caller, callee, dialog), stack() as ours:
        outcomes = ours.signal(asked(dialog, "INVITE", callee, caller, caller.sdp("sendonly")))
        invite = await callee.request("INVITE")
        assert invite.body.decode() == caller.sdp("sendonly")
        callee.reply(invite, 200, sdp=callee.sdp("recvonly"))
        await callee.request("ACK")
        outcome = await outcomes.outcome()
        assert (outcome.status, outcome.body.decode()) == (200, callee.sdp("recvonly"))
        assert (outcome.contact, dialog.target) == (callee.uri, caller.uri)
        bye = ours.signal(asked(dialog, "BYE", callee, caller))
        callee.reply(await callee.request("BYE"), 200)
        assert (await bye.outcome()).status == 200


async def test_an_ack_that_is_lost_is_sent_again_when_the_2xx_comes_again() -> None:
    acks = []

    def lose(data: bytes) -> bool:
        if data.startswith(b"ACK"):
            acks.append(data)
        return len(acks) == 1 and data.startswith(b"ACK")

    async with call() as (caller, callee, dialog), stack(lose) as ours:
        outcomes = ours.signal(asked(dialog, "INVITE", callee, caller, caller.sdp()))
        callee.reply(await callee.request("INVITE"), 200, sdp=callee.sdp())
        await callee.request("ACK")
        assert (await outcomes.outcome()).status == 200
        assert len(acks) == 2


@pytest.mark.parametrize(("code", "retry_after"), [(491, 0), (500, 3), (401, 0), (481, 0)])
async def test_a_refusal_is_told_and_its_ack_is_the_transactions(code: int, retry_after: int) -> None:
    async with call() as (caller, callee, dialog), stack() as ours:
        outcomes = ours.signal(asked(dialog, "INVITE", callee, caller, caller.sdp()))
        headers = [("Retry-After", str(retry_after))] if retry_after else []
        callee.reply(await callee.request("INVITE"), code, "Not now", headers=headers)
        assert await outcomes.outcome() == SipOutcome(code, "Not now", retry_after=retry_after)
        await callee.settled()


async def test_a_party_that_only_rings_is_left_alone_in_the_end() -> None:
    async with call() as (caller, callee, dialog), stack(patience=0.2) as ours:
        outcomes = ours.signal(asked(dialog, "INVITE", callee, caller, caller.sdp()))
        callee.reply(await callee.request("INVITE"), 180)
        await callee.request("CANCEL")
        assert (await outcomes.outcome()).status == 487
        await callee.settled()


async def test_a_party_that_is_gone_does_not_answer() -> None:
    async with call() as (caller, callee, dialog), stack(lose=lambda _: True, timers=Timers(t1=0.002)) as ours:
        outcome = await ours.signal(asked(dialog, "OPTIONS", callee, caller)).outcome()
        assert (outcome.status, outcome.ends_dialog) == (0, True)


async def test_a_party_whose_connection_is_refused_is_not_reached() -> None:
    async with call("tcp") as (caller, callee, dialog):
        gone = asked(dialog, "BYE", callee, caller)
    async with stack() as ours:
        outcome = await ours.signal(gone).outcome()
        assert outcome.unsent


async def test_a_dialog_that_nobody_takes_is_acknowledged_and_ended() -> None:
    async with UserAgent("callee") as callee, stack() as ours:
        invite = Request("INVITE", URI.parse(callee.uri))
        for name, text in (
            ("Max-Forwards", "69"),
            ("From", "<sip:caller@example.com>;tag=1"),
            ("To", f"<{callee.uri}>"),
            ("Call-ID", "abandoned"),
            ("CSeq", "41 INVITE"),
            ("Contact", "<sip:caller@127.0.0.1:9>"),
            ("Content-Length", "0"),
        ):
            invite.headers.add(name, text)
        answered = asyncio.create_task(ours.forward(invite, callee))
        callee.reply(await callee.request("INVITE"), 200, sdp=callee.sdp())
        await ours.abandon(invite, await answered)
        await callee.request("ACK")
        bye = await callee.request("BYE")
        assert bye.request.headers["CSeq"] == "42 BYE"
        callee.reply(bye, 200)
        await ours.quiet()
