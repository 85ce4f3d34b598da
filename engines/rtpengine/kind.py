"""rtpengine as a kind of relay: requests go through as they are, under the session's own id.

rtpengine knows branches and rewrites SDP itself, so that there is nothing to translate: one command, one reply. Only
where no media may go past the node (`Operation.guarded`), its part of that is looked after (`engines.rtpengine.guard`).
"""

from __future__ import annotations

from dataclasses import replace

from engines.kind import UNKNOWN_CALL_ID, Exchange, MalformedReply, Operation, is_limit, is_ok
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import BencodeError, NgDict, decode, encode
from engines.ng.bulky import BULKY, read_partly
from engines.refusal import RefusalCode, Refused, refused
from engines.rtpengine import copies, guard, requests
from engines.sdp.lines import SdpError
from engines.sdp.tcp import TcpStreams

_PING = encode({b"command": b"ping"})

_BAD_SDP = frozenset(
    {
        b"Failed to parse SDP",
        b"Incomplete SDP specification",
        b"Error rewriting SDP",
        b"No SDP body in message",
    }
)
"""What an rtpengine says of a session description that it cannot read (seen on 10.5.3)."""


class RtpengineKind:
    """The ng protocol of an rtpengine node (docs/ng_control_protocol.md there).

    tcp_streams: what becomes of streams that it cannot relay because they go over TCP.
    """

    name = "rtpengine"
    schemes = frozenset({"udp"})
    native_branches = True
    several_copies = True
    answer_creates = False

    def __init__(self, tcp_streams: TcpStreams = TcpStreams.OFF) -> None:
        self._tcp_streams = tcp_streams

    def perform(self, operation: Operation) -> Exchange:
        """Send the request with the session's id on the node in place of the client's. Raises MalformedReply.

        Where no media may go past the node, it also raises Untranslatable, before the first command.
        The verbs of copies (`engines.copy_request`) are said as subscriptions; one that is changed is ended first.
        """
        if operation.guarded:
            return (yield from self._perform_guarded(operation))
        return (yield from self._perform(operation))

    def _perform_guarded(self, operation: Operation) -> Exchange:
        alone = operation.verb == "answer" or bool(operation.request.get(b"to-tag"))
        try:
            request = guard.narrowed(operation.request, self._tcp_streams, alone=alone)
        except SdpError as error:
            return refused(f"Failed to parse SDP: {error}".encode(), RefusalCode.BAD_SDP)
        reply = yield from self._perform(replace(operation, request=request))
        return guard.verified(request, reply) if is_ok(reply) else reply

    def _perform(self, operation: Operation) -> Exchange:
        names: NgDict = {b"call-id": to_bytes(operation.relay_id)}
        if operation.verb == "copy_offer" and b"copy-ctx" in operation.request:
            yield from _one_command(encode({**copies.command("copy_delete", operation.request), **names}))
        is_copy = operation.verb in copies.COPY_VERBS
        request = copies.command(operation.verb, operation.request) if is_copy else operation.request
        reply = yield from _one_command(encode({**request, **names}), bulky=operation.verb in BULKY)
        if not is_ok(reply):
            return self._refused(reply)
        if b"call-id" in reply and b"call-id" in operation.request:
            reply[b"call-id"] = operation.request[b"call-id"]  # publish, create and transform repeat it
        return copies.offered(operation.request, reply) if operation.verb == "copy_offer" else reply

    def _refused(self, reply: NgDict) -> NgDict:
        """Return a refusal with its code, where the node's words tell it."""
        code = RefusalCode.REFUSED
        if reply.get(b"error-reason") in _BAD_SDP:
            code = RefusalCode.BAD_SDP
        elif is_limit(reply):
            code = RefusalCode.FULL
        elif self.is_unknown(reply):
            code = RefusalCode.UNKNOWN_SESSION
        return Refused(reply, code)

    def request(self, media: MediaRequest) -> NgDict:
        """Return the ng request of an offer, answer or delete; see `engines.rtpengine.flags`."""
        return requests.request(media)

    def ping(self) -> Exchange:
        """Send `ping`; the node answers {b"result": b"pong"}. Raises MalformedReply."""
        return _one_command(_PING)

    def teardown(self, relay_id: str, from_tag: str, to_tag: str) -> Operation:  # noqa: ARG002
        """Delete the whole call at once: without tags, which would narrow it down, and without rtpengine's delay."""
        # "delete delay" is the spelling that all versions understand.
        return _operation(b"delete", relay_id, {b"delete delay": 0})

    def knows(self, relay_id: str, from_tag: str, to_tag: str) -> Operation:  # noqa: ARG002
        """Query the whole call."""
        return _operation(b"query", relay_id, {})

    def is_unknown(self, reply: NgDict) -> bool:
        """Whether the node has no call with the id; a delete is no way to learn it, it is `ok` all the same."""
        why = reply.get(b"error-reason")
        return isinstance(why, bytes) and why.lower() == UNKNOWN_CALL_ID.lower()  # `Unknown call-ID` is said, too


def _operation(command: bytes, relay_id: str, options: NgDict) -> Operation:
    request: NgDict = {b"command": command, b"call-id": to_bytes(relay_id), **options}
    return Operation(verb=command.decode(), relay_id=relay_id, request=request)


def _one_command(command: bytes, *, bulky: bool = False) -> Exchange:
    (reply,) = yield [command]
    try:
        read = (read_partly(reply) if bulky else None) or decode(reply)
    except BencodeError as error:
        raise MalformedReply(f"the reply is not bencode: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get(b"result"), bytes):
        raise MalformedReply("the reply is not a dictionary with a result")
    return read
