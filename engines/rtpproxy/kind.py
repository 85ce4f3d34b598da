"""rtpproxy as a kind of relay: ng requests translated, one command a stream, the SDP rewritten here.

An rtpproxy knows no branches: each branch of a call has a relay id of its own, which the caller makes. The kind keeps
nothing between operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engines.kind import Exchange, MalformedReply, Operation, Untranslatable
from engines.measured import measured
from engines.media_request import MediaRequest, to_bytes
from engines.reply import PONG, NodeReply, agreed
from engines.request import NodeRequest
from engines.rtpproxy import commands, copies, prompts, requests, statistics
from engines.rtpproxy.commands import SessionKey
from engines.rtpproxy.negotiation import answered, error, negotiate
from engines.rtpproxy.replies import PROTOCOL_VERSION, ErrorReply, parse_version
from engines.rtpproxy.words import normalised, words_of
from engines.sdp.tcp import TcpStreams
from engines.whole_sessions import names_part, operation_on, tags_in
from events.names import RelayId, Tag
from events.registry import MeasuredStream
from events.verb import BETWEEN_TWO, DELETE, QUERY, Verb


class RtpproxyKind:
    """The control protocol of an rtpproxy node (version 20040107, as of rtpproxy 1.2 and later).

    tcp_streams: what becomes of streams that it cannot relay because they go over TCP.
    """

    name = "rtpproxy"
    schemes = frozenset({"udp", "unix"})
    native_branches = False
    several_copies = False
    answer_creates = False
    tells_parties = False

    def __init__(self, tcp_streams: TcpStreams = TcpStreams.OFF) -> None:
        self._tcp_streams = tcp_streams

    def perform(self, operation: Operation) -> Exchange:
        """Do an offer, an answer, or what _VERBS lists. Raises Untranslatable at once, and MalformedReply on the way.

        An offer or answer needs the tags as ng has them: from-tag is who made the offer, also for a re-INVITE, and the
        to-tag has to be there once it is known: without it a callee's offer would make a second session.
        """
        if operation.verb in BETWEEN_TWO:
            request, heeds_marks = operation.request.words, not operation.guarded
            return negotiate(operation.verb, _key(operation), request, self._tcp_streams, heeds_marks=heeds_marks)
        perform = _VERBS.get(operation.verb)
        if perform is None:
            raise Untranslatable(f"{operation.verb} is not something an rtpproxy can do; use a set of rtpengine nodes")
        return perform(operation)

    def request(self, media: MediaRequest) -> NodeRequest:
        """Return the ng request of an offer, answer or delete; see `engines.rtpproxy.flags`."""
        return NodeRequest(requests.request(media))

    def ping(self) -> Exchange:
        """Ask for the protocol's version. Raises MalformedReply for another one than this kind speaks."""
        (reply,) = yield [commands.VERSION]
        version = parse_version(reply)
        if isinstance(version, ErrorReply):
            return error(version)
        if version != PROTOCOL_VERSION:
            raise MalformedReply(f"protocol version {version}, which is not {PROTOCOL_VERSION}: not an rtpproxy")
        return PONG

    def teardown(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Delete all streams of the session."""
        return operation_on(DELETE, relay_id, from_tag, to_tag)

    def knows(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Query all streams of the session."""
        return operation_on(QUERY, relay_id, from_tag, to_tag)

    def held(self, reply: NodeReply) -> None:
        """Return nothing: a reply does not tell the parties."""

    def measured(self, reply: NodeReply) -> tuple[MeasuredStream, ...]:
        """Return the packets that came of each stream, which is all that it counts apart; it does not tell its kind."""
        return measured(reply.words)


def _delete(operation: Operation) -> Exchange:
    """Delete the whole session. A client's delete of a part of it does nothing: the session goes when all of it may."""
    options = normalised(operation.request.words)
    if names_part(options):
        return answered(agreed({b"warning": b"An rtpproxy holds all branches of this id as one session"}))
    return statistics.delete(_key(operation), fatal=b"fatal" in words_of(options, b"flags"))


def _key(operation: Operation) -> SessionKey:
    """Return the session's names on the node. Raises Untranslatable where they cannot be said."""
    key = SessionKey(to_bytes(operation.relay_id), *tags_in(operation))
    key.words()
    return key


_VERBS: Mapping[Verb, Callable[[Operation], Exchange]] = {
    Verb.DELETE: _delete,
    Verb.QUERY: lambda operation: statistics.query(_key(operation)),
    Verb.PLAY_MEDIA: lambda operation: prompts.play(_key(operation), operation.request.words),
    Verb.STOP_MEDIA: lambda operation: prompts.stop_playing(_key(operation), operation.request.words),
    Verb.START_RECORDING: lambda operation: prompts.record(_key(operation)),
    Verb.STOP_RECORDING: lambda operation: prompts.stop_recording(_key(operation)),
    Verb.COPY_OFFER: lambda operation: copies.offer(_key(operation), operation.request.words),
    Verb.COPY_ANSWER: lambda operation: copies.answer(_key(operation), operation.request.words),
    Verb.COPY_DELETE: lambda operation: copies.delete(_key(operation), operation.request.words),
}
