"""Calls through the SIP door: caller and callees in one, a message at a time."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Sequence

from bench.calls import CALLEE_SDP, CALLER_SDP
from tests.peers.datagram import Address

_PATIENCE = 5.0
_LOST_BRANCHES = 1.2
"""Seconds after which nothing is due any more for branches that lost: due in half a second, looked for twice in one."""

_COPIED = re.compile(rb"^(?:Via|Record-Route|From|Call-ID|CSeq):.*\r\n", re.MULTILINE)
_TO = re.compile(rb"^To:.*\r\n", re.MULTILINE)
_RECORD_ROUTE = re.compile(rb"^Record-Route: *(.*)\r\n", re.MULTILINE)
_CONTACT = re.compile(rb"^Contact: *<(.*?)>", re.MULTILINE)


class Party:
    """A SIP user at a socket of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE)
        self._socket.bind(("127.0.0.1", 0))
        self.address: Address = self._socket.getsockname()

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"sip:{self.name}@{self.address[0]}:{self.address[1]}"

    def send(self, message: bytes, to: Address) -> None:
        """Send a message."""
        self._socket.sendto(message, to)

    def receive(self, begin: bytes) -> bytes:
        """Return the next message that begins so; others before it are of no interest."""
        while True:
            message = self._socket.recv(65536)
            if message.startswith(begin):
                return message

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class SipCaller:
    """Places calls at a SIP door, to one callee or several that ring at a time; to be used in a thread of its own."""

    def __init__(self, door: Address, caller: Party, callees: Sequence[Party], prefix: str) -> None:
        self._door, self._caller, self._callees, self._prefix = door, caller, callees, prefix

    def call(self, number: int) -> Iterator[str]:
        """Place a call, which the first callee answers; the names of its parts come as they are over."""
        invites = self._ring(number)
        yield "ringing"
        accepted = self._answer(invites)
        if len(invites) > 1:
            self._cancelled(invites[1:])
        yield "set-up"
        if len(invites) > 1:
            time.sleep(_LOST_BRANCHES)
            yield ""
        self._in_dialog(number, accepted, b"ACK", 1)
        self._callees[0].receive(b"ACK ")
        self._in_dialog(number, accepted, b"BYE", 2)
        self._reply(self._callees[0], self._callees[0].receive(b"BYE "), b"200 OK")
        self._caller.receive(b"SIP/2.0 200")
        yield "end"

    def _invite(self, number: int, callee: bytes = b"callee") -> None:
        target = self._target(callee)
        head = b"Contact: <%s>\r\nContent-Type: application/sdp\r\n" % self._caller.uri.encode()
        self._caller.send(self._request(b"INVITE", target, b"<%s>" % target, number, 1, head, CALLER_SDP), self._door)

    def _target(self, callee: bytes) -> bytes:
        return b"sip:%s@%s:%d" % (callee, self._door[0].encode(), self._door[1])

    def _ring(self, number: int) -> list[bytes]:
        self._invite(number)
        invites = [callee.receive(b"INVITE ") for callee in self._callees]
        for callee, invite in zip(self._callees, invites, strict=True):
            self._reply(callee, invite, b"180 Ringing")
            self._caller.receive(b"SIP/2.0 180")
        return invites

    def _answer(self, invites: Sequence[bytes]) -> bytes:
        self._reply(self._callees[0], invites[0], b"200 OK", CALLEE_SDP)
        return self._caller.receive(b"SIP/2.0 200")

    def _cancelled(self, invites: Sequence[bytes]) -> None:
        for callee, invite in zip(self._callees[1:], invites, strict=True):
            self._reply(callee, callee.receive(b"CANCEL "), b"200 OK")
            self._reply(callee, invite, b"487 Request Terminated")
            callee.receive(b"ACK ")

    def _in_dialog(self, number: int, accepted: bytes, method: bytes, sequence: int) -> None:
        routes = reversed(_RECORD_ROUTE.findall(accepted))
        head = b"".join(b"Route: %s\r\n" % route for route in routes)
        to, contact = _TO.search(accepted), _CONTACT.search(accepted)
        assert to is not None
        assert contact is not None
        value = to[0].removeprefix(b"To:").strip()
        self._caller.send(self._request(method, contact[1], value, number, sequence, head), self._door)

    def _request(  # noqa: PLR0917
        self, method: bytes, target: bytes, to: bytes, number: int, sequence: int, head: bytes, body: bytes = b""
    ) -> bytes:
        branch = b"z9hG4bK%s-%08d-%s" % (self._prefix.encode(), number, method)
        host, port = self._caller.address
        return (
            b"%(method)s %(target)s SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP %(host)s:%(port)d;branch=%(branch)s\r\n"
            b"From: <%(uri)s>;tag=caller-%(number)08d\r\n"
            b"To: %(to)s\r\n"
            b"Call-ID: %(prefix)s-%(number)08d@guard\r\n"
            b"CSeq: %(sequence)d %(method)s\r\n"
            b"Max-Forwards: 70\r\n"
            b"%(head)s"
            b"Content-Length: %(length)d\r\n\r\n%(body)s"
        ) % {
            b"method": method,
            b"target": target,
            b"host": host.encode(),
            b"port": port,
            b"branch": branch,
            b"uri": self._caller.uri.encode(),
            b"number": number,
            b"to": to,
            b"prefix": self._prefix.encode(),
            b"sequence": sequence,
            b"head": head,
            b"length": len(body),
            b"body": body,
        }

    def _reply(self, callee: Party, request: bytes, status: bytes, body: bytes = b"") -> None:
        to = _TO.search(request)
        assert to is not None
        line = to[0] if b";tag=" in to[0] else to[0].rstrip() + b";tag=%s-tag\r\n" % callee.name.encode()
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        callee.send(
            b"SIP/2.0 %s\r\n%s%sContact: <%s>\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, b"".join(_COPIED.findall(request)), line, callee.uri.encode(), kind, len(body), body),
            self._door,
        )
