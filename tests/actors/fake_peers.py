"""Fake SIP parties: what they are sent by requests of our own, how they answer, and how they can misbehave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from actors.sip_requests import DialogRequest, SipOutcome, SipSender

TIMEOUT = 32.0  # s: after so long a request without a response is given up, all its repeats included
DELAY = 0.001

Take = Callable[[SipOutcome], None]


class FakePeer:
    """A party of one dialog. The attributes from `silent` on are the ways to make it misbehave."""

    def __init__(self) -> None:
        self.received: list[DialogRequest] = []
        self.forwarded: list[int] = []
        self.last = -1
        self.ended = False
        self.silent = False
        self.unreachable = False
        self.gone = False
        self.busy = 0
        self.inviting = self.invited = False
        self.refuses: list[SipOutcome] = []
        self.says = b""
        self.has = b""
        self.offers: list[bytes] = []
        self.lose_replies = 0

    def heal(self) -> None:
        """Answer again; whoever has no dialog any more will not have it again."""
        self.silent = self.unreachable = False
        self.busy = self.lose_replies = 0
        self.refuses = []

    def forward(self, cseq: int) -> None:
        """Take a request of the peer's, as it was sent on."""
        self.forwarded.append(cseq)
        self.last = max(self.last, cseq)

    def methods(self) -> list[str]:
        """Name the requests of our own that arrived."""
        return [request.method for request in self.received]

    def take(self, sdp: bytes) -> None:
        """Take a session description: media go to where it says from now on."""
        self.has = sdp
        self.offers.append(sdp)

    def answer(self, request: DialogRequest) -> SipOutcome:
        """Take a request of our own and give the response (RFC 3261 12.2.2, 15.1.2).

        To a session description it answers with its own (`says`); `refuses` are its responses to the next ones.
        """
        self.received.append(request)
        if self.gone or self.ended or request.cseq < self.last:
            return _status(481 if self.gone or self.ended else 500)
        self.last = request.cseq
        if self.invited and request.method == "INVITE":  # RFC 3261 14.2
            return replace(_status(500), retry_after=1)
        if self.busy > 0 or (self.inviting and request.method == "INVITE"):
            self.busy = max(self.busy - 1, 0)
            return _status(491)
        if request.body and self.refuses:
            return self.refuses.pop(0)
        if request.body:
            self.take(request.body)
            return SipOutcome(200, "OK", self.says)
        self.ended = request.method == "BYE"
        return _status(200)


def _status(status: int) -> SipOutcome:
    return SipOutcome(status, f"status {status}")


class Peers(defaultdict[str, FakePeer]):
    """All parties by their tags."""

    def __init__(self) -> None:
        super().__init__(FakePeer)

    def sip_sender(self, alive: Callable[[], bool]) -> SipSender:
        """Return what sends requests from one control node. `alive` tells whether that lives to do it."""

        def signal(request: DialogRequest, take: Take) -> None:
            if alive():
                peer = self[request.to_value.rpartition(";tag=")[2]]
                if peer.unreachable:
                    take(SipOutcome(0, "cannot be reached", reached=False))
                else:
                    _later(DELAY, partial(self._arrive, peer, request, partial(_back, alive, take)))

        return signal

    def _arrive(self, peer: FakePeer, request: DialogRequest, back: Take) -> None:
        if not peer.silent:
            outcome = peer.answer(request)
            if peer.lose_replies <= 0:
                _later(DELAY, partial(back, outcome))
                return
            peer.lose_replies -= 1
        _later(TIMEOUT, partial(back, SipOutcome(0, "no answer")))


def _back(alive: Callable[[], bool], take: Take, outcome: SipOutcome) -> None:
    if alive():
        take(outcome)


def _later(seconds: float, what: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)
