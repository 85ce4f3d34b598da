"""rtpengine as a kind of relay: requests go through as they are, under the session's own id.

rtpengine knows branches and rewrites SDP itself, so that there is nothing to translate: one command, one reply. Only
where no media may go past the node (`Operation.guarded`), its part of that is looked after (`engines.rtpengine.guard`).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from engines.held import HeldSession
from engines.kind import Exchange, MalformedReply, Operation
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import BencodeError, NgDict, decode, encode
from engines.ng.bulky import BY_PLACE, PartlyRead
from engines.refusal import RefusalCode
from engines.reply import NOT_FOUND, UNKNOWN_CALL_ID, NodeReply, refused
from engines.request import NodeRequest
from engines.rtpengine import copies, guard, requests
from engines.rtpengine.held import held
from engines.rtpengine.measured import measured_in
from engines.sdp.lines import SdpError
from engines.sdp.tcp import TcpStreams
from events.names import RelayId, Tag
from events.registry import MeasuredStream
from events.verb import ANSWER, COPY_DELETE, COPY_OFFER, DELETE, QUERY, Verb

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

_FULL = b"Load limit exceeded"
_NO_ROOM = frozenset(
    {
        b"Parallel session limit reached",
        b"Ran out of ports",
        b"CPU usage limit exceeded",
        b"Bandwidth limit exceeded",
    }
)
"""What it says for want of something that another node may have; ng clients then go on to that."""

_NOT_FOUND = NOT_FOUND.encode()

_NEWER = b"17:last redis update"
"""What replies of a 12.5 to deletes and queries have among the first `_HEAD` bytes, and those of a 10.5 have not."""

_HEAD = 160


class RtpengineKind:
    """The ng protocol of an rtpengine node (docs/ng_control_protocol.md there).

    tcp_streams: what becomes of streams that it cannot relay because they go over TCP.
    """

    name = "rtpengine"
    schemes = frozenset({"udp"})
    native_branches = True
    several_copies = True
    answer_creates = False
    tells_parties = True

    def __init__(self, tcp_streams: TcpStreams = TcpStreams.OFF) -> None:
        self._tcp_streams = tcp_streams
        self._tells_who_names_nobody: bool | None = None

    def perform(self, operation: Operation) -> Exchange:
        """Send the request with the session's id on the node in place of the client's. Raises MalformedReply.

        Where no media may go past the node, it also raises Untranslatable, before the first command.
        The verbs of copies (`engines.copy_request`) are said as subscriptions; one that is changed is ended first.
        """
        if operation.guarded:
            return self._perform_guarded(operation)
        if operation.whole:
            return self._delete_whole(operation)
        return _perform(operation.verb, operation.relay_id, operation.request.words)

    def _perform_guarded(self, operation: Operation) -> Exchange:
        alone = operation.verb is ANSWER or bool(operation.request.words.get(b"to-tag"))
        try:
            request = guard.narrowed(operation.request.words, self._tcp_streams, alone=alone)
        except SdpError as error:
            return refused(f"Failed to parse SDP: {error}", RefusalCode.BAD_SDP)
        reply = yield from _perform(operation.verb, operation.relay_id, request)
        return guard.verified(request, reply) if reply.ok else reply

    def _delete_whole(self, operation: Operation) -> Exchange:
        """Delete a session so that its statistics are told.

        A 10.5 tells them to who names a party; a 12.5 forgets the party first, and tells them to who names nobody.
        Which one it is its replies show; the first time it is asked, unless it does not know the session.
        """
        call_id = to_bytes(operation.relay_id)
        if self._tells_who_names_nobody is None:
            asked = yield from _one_command(encode({b"command": b"query", b"call-id": call_id}), verb=QUERY)
            if asked[b"result"] == b"ok":
                self._tells_who_names_nobody = _is_newer(asked)
        words = {**operation.request.words, b"call-id": call_id}
        if self._tells_who_names_nobody:
            words.pop(b"from-tag", None)
        said = yield from _one_command(encode(words), verb=DELETE)
        if isinstance(said, PartlyRead) or b"created" in said:
            self._tells_who_names_nobody = _is_newer(said)
        elif self._tells_who_names_nobody and said[b"result"] == b"ok" and b"warning" not in said:
            self._tells_who_names_nobody = None  # as if it had been put back to a 10.5
        return _read(said)

    def request(self, media: MediaRequest) -> NodeRequest:
        """Return the ng request of an offer, answer or delete; see `engines.rtpengine.flags`."""
        return NodeRequest(requests.request(media))

    def ping(self) -> Exchange:
        """Send `ping`; the node answers {b"result": b"pong"}. Raises MalformedReply."""
        return _read((yield from _one_command(_PING)))

    def teardown(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:  # noqa: ARG002
        """Delete the whole call at once: without tags, which would narrow it down, and without rtpengine's delay."""
        # "delete delay" is the spelling that all versions understand.
        return _operation(DELETE, relay_id, {b"delete delay": 0})

    def knows(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:  # noqa: ARG002
        """Query the whole call."""
        return _operation(QUERY, relay_id, {})

    def held(self, reply: NodeReply) -> HeldSession | None:
        """Return the call that the reply to `query` tells of; see `engines.rtpengine.held`."""
        return held(reply)

    def measured(self, reply: NodeReply) -> tuple[MeasuredStream, ...]:
        """Return what the statistics in a reply say of each stream; see `engines.rtpengine.measured`."""
        return measured_in(reply)


def _is_newer(said: NgDict) -> bool:
    return _NEWER in said.whole[:_HEAD] if isinstance(said, PartlyRead) else b"last redis update" in said


def _perform(verb: Verb, relay_id: RelayId, asked: NgDict) -> Exchange:
    names: NgDict = {b"call-id": to_bytes(relay_id)}
    if verb is COPY_DELETE or (verb is COPY_OFFER and b"copy-ctx" in asked):
        ended = yield from _end_copy(asked, names)
        if verb is COPY_DELETE:
            return ended
    request = copies.command(verb, asked) if verb in copies.COPY_VERBS else asked
    said = yield from _one_command(encode({**request, **names}), verb=verb)
    if b"call-id" in said and b"call-id" in asked and said[b"result"] == b"ok":
        said[b"call-id"] = asked[b"call-id"]  # publish, create and transform repeat it
    reply = _read(said)
    return replace(reply, words=copies.offered(asked, said)) if verb is COPY_OFFER and reply.ok else reply


def _operation(verb: Verb, relay_id: RelayId, options: NgDict) -> Operation:
    request: NgDict = {b"command": verb.encode(), b"call-id": to_bytes(relay_id), **options}
    return Operation(verb=verb, relay_id=relay_id, request=NodeRequest(request))


def _end_copy(asked: NgDict, names: NgDict) -> Exchange:
    """End a copy under each name that it may have; comes to how that ended for the first one."""
    commands = [encode({**request, **names}) for request in copies.ends(asked)]
    said = yield from _one_command(commands[0])
    for command in commands[1:]:
        yield from _one_command(command)
    return _read(said)


def _one_command(command: bytes, verb: Verb | None = None) -> Generator[list[bytes], list[bytes], NgDict]:
    (reply,) = yield [command]
    by_place = BY_PLACE.get(verb)
    try:
        read = (by_place(reply) if by_place is not None else None) or decode(reply)
    except BencodeError as error:
        raise MalformedReply(f"the reply is not bencode: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get(b"result"), bytes):
        raise MalformedReply("the reply is not a dictionary with a result")
    return read


def _read(said: NgDict) -> NodeReply:
    """Return the reply, with what the node's words tell."""
    if said[b"result"] in (b"ok", b"pong"):
        return NodeReply(said, unknown=said.get(b"warning") == _NOT_FOUND)
    code = _code(said)
    return NodeReply(said, code, code is RefusalCode.UNKNOWN_SESSION)


def _code(said: NgDict) -> RefusalCode:
    """Return why the node did not do it, as far as its words tell."""
    text = said.get(b"error-reason")
    why = text if isinstance(text, bytes) else b""
    if said[b"result"] == b"load limit" or why in _NO_ROOM:
        return RefusalCode.NO_ROOM
    if why == _FULL:
        return RefusalCode.FULL
    if why in _BAD_SDP:
        return RefusalCode.BAD_SDP
    if why.lower() == UNKNOWN_CALL_ID.lower():  # `Unknown call-ID` is said, too
        return RefusalCode.UNKNOWN_SESSION
    return RefusalCode.REFUSED
