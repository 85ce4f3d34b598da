"""Offers and answers: one command a stream to the rtpproxy, and the SDP with the addresses that it gave.

Facts about sessions, seen with rtpproxy 3 (and read in rpcpv1_ul.c, rtpp_session.c there):

- A session is one stream. It is found by the call-id and the from-tag with medium number of the U that created it; the
  to-tag is never kept.
- A U with the same from-tag, or with that tag as its to-tag, changes the session and gives the port it had. So a
  re-INVITE of the callee (from-tag its own, to-tag the caller's) is the same session, the port is the one that the
  caller sends to, and the L for its answer gives the other one.
- A U of the callee without the to-tag creates a second session; a D with both tags removes that, too.
- Media numbers count all m= lines, also those with port 0, so that a stream keeps its number through all offers.
- A U that is refused leaves nothing. An L that is refused leaves what the U made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engines.kind import Exchange, Untranslatable
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.reply import UNKNOWN_CALL_ID, NodeReply, agreed, refused
from engines.rtpproxy import commands
from engines.rtpproxy.commands import SessionKey
from engines.rtpproxy.own import LEFT_ALONE, OwnOptions
from engines.rtpproxy.replies import ErrorReply, parse_allocation
from engines.rtpproxy.translate import Translation, translate
from engines.sdp.lines import SdpError
from engines.sdp.rewrite import MediaTarget, rewrite
from engines.sdp.session import Sdp, Stream, parse
from engines.sdp.tcp import TcpStreams, without_tcp
from events.verb import ANSWER, OFFER, Verb

_OUT_OF_PORTS = b"Ran out of ports"
_OVERLOADED = b"Load limit exceeded"
_NOBODY = b"dummy"
"""A tag that no party has, which OpenSIPS gives in the place of one that is not known."""


class _Failed(Exception):
    """The node cannot do what was asked; the text is the error-reason of the reply."""

    def __init__(self, reason: bytes, code: RefusalCode) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """An offer or answer on its way through a node.

    creates: whether the command is U, for an offer, or L, for an answer. key: the session's names, without a medium.
    """

    creates: bool
    key: SessionKey
    sdp: Sdp
    translation: Translation

    def command(self, stream: Stream) -> bytes:
        """Return the command for a stream. Raises Untranslatable and SdpError."""
        address = self.translation.host_of(self.sdp, stream)
        wanted = self.translation.family
        if wanted not in (None, address.family) and not self.translation.options.interfaces:
            raise Untranslatable(
                f"address-family {wanted.decode()}: an rtpproxy bridges address families by its interfaces only; give "
                "direction with the names of two interfaces, and start the node in bridge mode"
            )
        options = replace(self.translation.options, ipv6=address.family == b"IP6", payload_types=_payload_types(stream))
        key, port = replace(self.key, medium=stream.number), int(stream.port.text)
        own = self.translation.own or OwnOptions()
        if self.creates:
            return commands.update(
                options, key, address.host, port, notification=own.notification, subcommands=own.subcommands
            )
        return commands.look_up(options, key, address.host, port, subcommands=own.subcommands)

    def exchange(self, asked: list[bytes]) -> Exchange:
        """Send the commands of all live streams at once, and return the reply with the new SDP.

        If one stream is refused the reply is an error. Others may then stand on the node: a new session is to be torn
        down by its id.
        """
        replies = (yield asked) if asked else []
        try:
            pairs = zip(self.sdp.live_streams, replies, strict=True)
            targets = {stream.number: self._target(reply) for stream, reply in pairs}
        except _Failed as failed:
            return refused(failed.reason, failed.code)
        if self.translation.own is not None and self.translation.own.keep_sdp:
            return agreed({b"sdp": self.sdp.body})
        return agreed({b"sdp": rewrite(self.sdp, targets, self.translation.rules)})

    def _target(self, reply: bytes) -> MediaTarget:
        """Return where the node expects a stream's packets. Raises _Failed, and MalformedReply."""
        allocation = parse_allocation(reply)
        if isinstance(allocation, ErrorReply):
            raise _Failed(reason_of(allocation), code_of(allocation))
        address = self.translation.media_address or allocation.address
        if address is None:
            why = b"the rtpproxy does not tell its address: start it with -l ADDRESS, or give media-address"
            raise _Failed(why, RefusalCode.REFUSED)
        if self.translation.family not in (None, address.family):
            why = b"the rtpproxy gave an %s address, which is not the address-family wanted" % address.family
            raise _Failed(why, RefusalCode.REFUSED)
        return MediaTarget(address, allocation.port)


def negotiate(
    verb: Verb,
    key: SessionKey,
    request: NgDict,
    tcp_streams: TcpStreams = TcpStreams.OFF,
    *,
    heeds_marks: bool = True,
) -> Exchange:
    """Return the exchange of an offer or answer. Raises Untranslatable.

    heeds_marks: whether an SDP that is marked as relayed may stay as it is. Any party can set the mark.
    """
    body = request.get(b"sdp")
    if not isinstance(body, bytes):
        return answered(refused(b"No SDP body in message", RefusalCode.BAD_SDP))
    try:
        # What opens a session has to have a stream that the node relays: it would have no session of it.
        sdp = without_tcp(parse(body), tcp_streams, alone=verb is ANSWER or bool(key.to_tag))
        translation = translate(request, sdp)
        if heeds_marks and translation.own is not None and translation.own.leaves_alone(sdp):
            return answered(agreed({b"sdp": body, b"warning": LEFT_ALONE}))
        negotiation = _negotiation(verb, key, sdp, translation)
        asked = [negotiation.command(stream) for stream in sdp.live_streams]
    except SdpError as problem:
        return answered(refused(f"Failed to parse SDP: {problem}", RefusalCode.BAD_SDP))
    return negotiation.exchange(asked)


def _negotiation(verb: Verb, key: SessionKey, sdp: Sdp, translation: Translation) -> SessionUpdate:
    """Return whether a session is to be created, and under which tags it is looked up.

    L finds the offerer's side of a session by its tag as the to-tag; the from-tag may then be any other.
    """
    if translation.own is None or not translation.own.look_up:
        return SessionUpdate(verb is OFFER, key, sdp, translation)
    full = key if key.to_tag else replace(key, to_tag=_NOBODY)
    return SessionUpdate(False, full.swapped() if verb is OFFER else full, sdp, translation)


def _payload_types(stream: Stream) -> tuple[int, ...]:
    """Return the stream's payload types; none for what is not RTP."""
    known = b"RTP/" in stream.transport.upper() and all(map(_is_payload_type, stream.formats))
    return tuple(map(int, stream.formats)) if known else ()


def _is_payload_type(name: bytes) -> bool:
    return name.isdigit() and len(name) < 10  # what is longer is none, and more than `int` may read


def reason_of(refusal: ErrorReply) -> bytes:
    """Return the error-reason for a refusal; those about ports and load in the words that ng clients match."""
    if refusal.is_unknown_session:
        return UNKNOWN_CALL_ID
    if refusal.is_out_of_ports:
        return _OUT_OF_PORTS
    if refusal.is_full:
        return _OVERLOADED
    return f"the rtpproxy refused it: E{refusal.code}, {refusal.meaning}".encode()


def code_of(refusal: ErrorReply) -> RefusalCode:
    """Return the code of a refusal."""
    if refusal.is_unknown_session:
        return RefusalCode.UNKNOWN_SESSION
    if refusal.is_out_of_ports:
        return RefusalCode.NO_ROOM
    if refusal.is_full:
        return RefusalCode.FULL
    return RefusalCode.REFUSED


def error(refusal: ErrorReply) -> NodeReply:
    """Return the reply that tells of a node's refusal."""
    return refused(reason_of(refusal), code_of(refusal))


def answered(reply: NodeReply) -> Exchange:
    """Return an exchange that is over at once: nothing need be asked of the node."""
    yield from ()
    return reply
