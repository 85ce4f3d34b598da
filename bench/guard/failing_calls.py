"""Calls and requests that come to nothing, one of each kind after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench.guard.expected import ExpectedLine
from bench.guard.ng_calls import NgCaller
from bench.guard.sip_calls import SipCaller
from tests.peers.datagram import Address

SCRIPT = """\
from rtp_relay.routing import Request, on_request

@on_request
def route(request: Request) -> None:
    if request.method == "INVITE" and not request.has_totag:
        if request.user == "refused":
            request.reply(404, "Nobody")
            return
        if request.user == "fault":
            raise LookupError("a fault of the script")
        request.rtp_relay_engage("rtpengine")
        request.append_branch("{target}")
    request.relay()
"""
"""Refuses one callee, fails for another one, and sends all others to `target`."""


REFUSED_BY_NG = (
    ExpectedLine("ng request refused", "why", "Failed to parse SDP: line 6: not of the form <type>=: 'm:audio "),
    ExpectedLine("ng request refused", "why", "No SDP body in message"),
    ExpectedLine("ng message unreadable", "why", "the data ends too early at offset "),
)
"""What the ng door logs of the requests here."""

FAILED_IN_SIP = (ExpectedLine("routing script failed", "error", "LookupError: a fault of the script"),)
"""What the SIP door logs of the calls here."""

_TO = re.compile(rb"^To: *(.*)\r\n", re.MULTILINE)


class FailingNgCaller(NgCaller):
    """Asks for what there is not, and for what nobody can read."""

    def __init__(self, door: Address, prefix: str) -> None:
        super().__init__(door, prefix)
        offer, answer, delete = self.templates.values()
        self._ways = (
            lambda number: delete.fill(b"%d_delete" % number, number),
            lambda number: answer.fill(b"%d_answer" % number, number),
            lambda number: offer.fill(b"%d_offer" % number, number).replace(b"m=audio", b"m:audio"),
            lambda number: b"%d_type d7:command5:offer7:call-idi5ee" % number,
            lambda number: b"%d_verb d7:command5:offeree" % number,
            lambda number: b"%d_cut d7:command5:of" % number,
        )

    def call(self, number: int) -> Iterator[str]:
        """Send a request that is refused; the numbers of calls that are not there follow one another."""
        reply = self.ask(self._ways[number % len(self._ways)](number))
        if b"6:result2:ok" in reply and b"7:warning" not in reply:
            raise RuntimeError(f"a request that is to be refused was answered {reply!r}")
        yield "call"


class FailingSipCaller(SipCaller):
    """Calls that are refused, cancelled, or run into a fault of the script."""

    def call(self, number: int) -> Iterator[str]:
        """Place a call that nobody takes."""
        ways = (self._busy, self._cancel, self._refused, self._fault, self._unreadable)
        ways[number % len(ways)](number)
        yield "call"

    def _busy(self, number: int) -> None:
        (invite,) = self._ring(number)
        callee = self._callees[0]
        self._reply(callee, invite, b"486 Busy Here")
        callee.receive(b"ACK ")
        self._take(number, b"486")

    def _cancel(self, number: int) -> None:
        (invite,) = self._ring(number)
        callee = self._callees[0]
        target = self._target(b"callee")
        self._caller.send(self._of_invite(b"CANCEL", number, b"callee", b"<%s>" % target), self._door)
        self._reply(callee, callee.receive(b"CANCEL "), b"200 OK")
        self._reply(callee, invite, b"487 Request Terminated")
        callee.receive(b"ACK ")
        self._take(number, b"487")

    def _refused(self, number: int) -> None:
        self._invite(number, b"refused")
        self._take(number, b"404", b"refused")

    def _fault(self, number: int) -> None:
        self._invite(number, b"fault")
        self._take(number, b"500", b"fault")

    def _unreadable(self, number: int) -> None:
        target = self._target(b"callee")
        for lines in (b"", b"Via: ?\r\n"):
            request = self._request(b"OPTIONS", target, b"<%s>" % target, number, 1, lines)
            self._caller.send(request if lines else b"?" + request, self._door)
        self._refused(number)  # the two are over when it is

    def _take(self, number: int, status: bytes, callee: bytes = b"callee") -> None:
        """Wait for the failure of an INVITE, and acknowledge it."""
        failure = self._caller.receive(b"SIP/2.0 " + status)
        to = _TO.search(failure)
        assert to is not None
        self._caller.send(self._of_invite(b"ACK", number, callee, to[1]), self._door)

    def _of_invite(self, method: bytes, number: int, callee: bytes, to: bytes) -> bytes:
        """Return the ACK or CANCEL of an INVITE: its branch is the INVITE's."""
        request = self._request(method, self._target(callee), to, number, 1, b"")
        return request.replace(b"-%s\r\n" % method, b"-INVITE\r\n", 1)
