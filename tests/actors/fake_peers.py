"""Fake SIP parties: what they are sent by requests of our own, how they answer, and how they can misbehave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
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
        self.lose_replies = 0

    def heal(self) -> None:
        """Answer again; whoever has no dialog any more will not have it again."""
        self.silent = self.unreachable = False
        self.busy = self.lose_replies = 0

    def forward(self, cseq: int) -> None:
        """Take a request of the peer's, as it was sent on."""
        self.forwarded.append(cseq)
        self.last = max(self.last, cseq)

    def methods(self) -> list[str]:
        """Name the requests of our own that arrived."""
        return [request.method for request in self.received]

    def answer(self, request: DialogRequest) -> int:
        """Take a request of our own and give the status of the response (RFC 3261 12.2.2, 15.1.2)."""
        self.received.append(request)
        if self.gone or self.ended:
            return 481
        if request.cseq < self.last:
            return 500
        self.last = request.cseq
        if self.busy > 0:
            self.busy -= 1
            return 491
        self.ended = request.method == "BYE"
        return 200


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
            status = peer.answer(request)
            if peer.lose_replies <= 0:
                _later(DELAY, partial(back, SipOutcome(status, f"status {status}")))
                return
            peer.lose_replies -= 1
        _later(TIMEOUT, partial(back, SipOutcome(0, "no answer")))


def _back(alive: Callable[[], bool], take: Take, outcome: SipOutcome) -> None:
    if alive():
        take(outcome)


def _later(seconds: float, what: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)
