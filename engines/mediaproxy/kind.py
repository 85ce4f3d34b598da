"""MediaProxy as a kind of relay: its dispatcher is the node, which hands each session to one of its relays.

A dispatcher knows no branches: each branch of a call has a relay id of its own. The kind keeps nothing between
operations. Its commands carry their own end, so that they travel over connections that stay open.
"""

from __future__ import annotations

from engines.kind import Exchange, Operation, Untranslatable
from engines.media_request import MediaRequest, to_bytes
from engines.mediaproxy import commands
from engines.mediaproxy.commands import SessionNames, Signalling
from engines.mediaproxy.negotiation import answered, negotiate
from engines.mediaproxy.replies import is_error, parse_removed
from engines.mediaproxy.requests import request
from engines.reply import PONG, NodeReply, agreed, not_found, refused
from engines.request import NodeRequest
from engines.rtpproxy.words import normalised, words_of
from engines.sdp.tcp import TcpStreams
from engines.whole_sessions import names_part, operation_on, tags_in
from events.names import RelayId, Tag
from events.registry import MeasuredStream
from events.verb import ANSWER, DELETE, OFFER, QUERY

_NOT_REMOVED = b"the MediaProxy dispatcher answered `error`: the session's relay is away, or did not remove it"


class MediaproxyKind:
    """The protocol that a MediaProxy dispatcher speaks with SIP servers, on its UNIX socket (mediaproxy 4).

    tcp_streams: what becomes of streams that its relays cannot pass because they go over TCP.
    """

    name = "mediaproxy"
    schemes = frozenset({"unix"})
    native_branches = False
    several_copies = True
    answer_creates = True
    tells_parties = False

    def __init__(self, tcp_streams: TcpStreams = TcpStreams.OFF) -> None:
        self._tcp_streams = tcp_streams

    def perform(self, operation: Operation) -> Exchange:
        """Do an offer, answer or delete. Raises Untranslatable at once, and MalformedReply on the way.

        A query is untranslatable like all the rest: the protocol has no command that reads.
        """
        if operation.verb is OFFER:
            return negotiate(b"request", _names(operation), operation.request.words, self._tcp_streams)
        if operation.verb is ANSWER:
            return negotiate(b"reply", _names(operation), operation.request.words, self._tcp_streams)
        if operation.verb is DELETE:
            return _delete(operation)
        raise Untranslatable(f"{operation.verb} is not something that MediaProxy can do; use a set of rtpengine nodes")

    def request(self, media: MediaRequest) -> NodeRequest:
        """Return the ng request of an offer, answer or delete; see `engines.mediaproxy.requests`."""
        return NodeRequest(request(media))

    def ping(self) -> Exchange:
        """Ask whether the dispatcher answers; the reply is ok when it does. Raises MalformedReply.

        The protocol has no ping. A connection that opens says little: the system accepts it for a dispatcher that
        hangs. So a command is sent that the dispatcher reads and refuses by itself: a removal without a call-id. That
        it answers is what counts; whether its relays are well shows only when they are asked.
        """
        (reply,) = yield [commands.PING]
        parse_removed(reply)
        return PONG

    def teardown(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Remove the session."""
        return operation_on(DELETE, relay_id, from_tag, to_tag)

    def knows(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Build a query, which `perform` refuses: nobody can ask a dispatcher for a session and leave it as it is.

        A dispatcher that loses a session asks the SIP server to end the dialog (`dialog-id` in the offer).
        """
        return operation_on(QUERY, relay_id, from_tag, to_tag)

    def held(self, reply: NodeReply) -> None:
        """Return nothing: a reply does not tell the parties."""

    def measured(self, reply: NodeReply) -> tuple[MeasuredStream, ...]:  # noqa: ARG002
        """Return nothing: a dispatcher tells what its relays count to its accounting alone."""
        return ()


def _delete(operation: Operation) -> Exchange:
    """Delete the whole session. A client's delete of a part of it does nothing: the session goes when all of it may."""
    options = normalised(operation.request.words)
    if names_part(options):
        return answered(agreed({b"warning": b"MediaProxy holds all branches of this id as one session"}))
    names = _names(operation)
    command = commands.remove(names)
    return _removal(names, command, alone=operation.alone, fatal=b"fatal" in words_of(options, b"flags"))


def _removal(names: SessionNames, command: bytes, *, alone: bool, fatal: bool) -> Exchange:
    """Remove the session; where that is refused, make certain of it, if this is the only removal.

    `error` is the answer for a session that is unknown, and also where its relay is away or hangs, and the session may
    live on. An `update` without media tells these apart: it is refused while the session's relay is away, and leaves a
    session that there is as it is. If there is none it makes one without ports, which the next removal takes away.
    Among other removals that is not done: one of them may be confirmed, and a crash leave what was made after it.
    """
    (reply,) = yield [command]
    if parse_removed(reply):
        return agreed()
    if not alone:
        return refused(_NOT_REMOVED)
    (reply,) = yield [commands.update(b"request", names, Signalling())]
    if is_error(reply):
        return refused(_NOT_REMOVED)
    (reply,) = yield [command]
    if not parse_removed(reply):
        return refused(_NOT_REMOVED)
    return not_found(fatal=fatal)


def _names(operation: Operation) -> SessionNames:
    """Return the session's names on the node. Raises Untranslatable where they cannot be said."""
    names = SessionNames(to_bytes(operation.relay_id), *tags_in(operation))
    names.headers()
    return names
