"""Offers and answers: one `update` for all streams, and the SDP with the address and ports that came back.

Facts about sessions, read in mediaproxy 4.1.2 (mediacontrol.py there):

- The dispatcher keeps a call on the relay that has it, by the call-id alone. So branches that are to be on different
  relays, and all those that are to be told apart, need call-ids of their own.
- A relay finds the session by the call-id and either tag. So a re-INVITE of the callee (from-tag its own, to-tag the
  caller's) is the same session; without the to-tag it would be a second one.
- From the tags and the type a relay knows whose description it is, and gives the ports that the other party is to use.
- The ports stand in the order of the streams that were told of. That of a closed stream is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.kind import Exchange
from engines.mediaproxy.commands import MessageType, SessionNames, update
from engines.mediaproxy.replies import RelayAllocation, parse_allocation
from engines.mediaproxy.translate import Translation, translate
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.reply import NodeReply, agreed, refused
from engines.sdp.lines import SdpError
from engines.sdp.rewrite import MediaTarget, rewrite
from engines.sdp.session import Sdp, Stream, parse
from engines.sdp.tcp import TcpStreams, without_tcp

_NO_RELAY = b"Load limit exceeded"
_ERROR = b"the MediaProxy dispatcher answered `error`: no relay took the session; the dispatcher's log says why"


class _Failed(Exception):
    """The answer cannot be used; the text is the error-reason of the reply."""

    def __init__(self, reason: bytes) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """An offer or answer on its way through a dispatcher."""

    kind: MessageType
    names: SessionNames
    sdp: Sdp
    translation: Translation

    def exchange(self, command: bytes) -> Exchange:
        """Send the command, and return the reply with the new SDP."""
        (reply,) = yield [command]
        allocation = parse_allocation(reply)
        if allocation is None:
            return self._refused()
        try:
            targets = self._targets(allocation)
        except _Failed as failed:
            return refused(failed.reason)
        return agreed({b"sdp": rewrite(self.sdp, targets, self.translation.rules)})

    def _refused(self) -> NodeReply:
        """Return the refusal; for what opens a session in the words that make a client try another node.

        A dispatcher offers a new session to each of its relays in turn. So it has none that has room.
        """
        if self.kind == b"request" and not self.names.to_tag:
            words: NgDict = {b"result": b"error", b"error-reason": _NO_RELAY, b"message": _ERROR}
            return NodeReply(words, RefusalCode.FULL)
        return refused(_ERROR)

    def _targets(self, allocation: RelayAllocation) -> dict[int, MediaTarget]:
        """Return where the relay expects the packets of each live stream. Raises _Failed."""
        told = self.translation.media
        if len(allocation.ports) < len(told):
            raise _Failed(b"the relay gave %d ports for %d streams" % (len(allocation.ports), len(told)))
        ports = dict(zip(told, allocation.ports, strict=False))
        return {stream.number: self._target(allocation, stream, ports) for stream in self.sdp.live_streams}

    def _target(self, allocation: RelayAllocation, stream: Stream, ports: dict[int, int]) -> MediaTarget:
        port = ports[stream.number]
        if not port:
            raise _Failed(b"the relay has closed stream %d, which the SDP goes on with" % stream.number)
        return MediaTarget(self.translation.media_address or allocation.address, port)


def negotiate(
    kind: MessageType, names: SessionNames, request: NgDict, tcp_streams: TcpStreams = TcpStreams.OFF
) -> Exchange:
    """Return the exchange of an offer or answer. Raises Untranslatable."""
    body = request.get(b"sdp")
    if not isinstance(body, bytes):
        return answered(refused(b"No SDP body in message", RefusalCode.BAD_SDP))
    try:
        sdp = without_tcp(parse(body), tcp_streams, alone=kind == b"reply" or bool(names.to_tag))
        translation = translate(request, sdp)
    except SdpError as problem:
        return answered(refused(f"Failed to parse SDP: {problem}", RefusalCode.BAD_SDP))
    if not translation.media:
        return answered(agreed({b"sdp": sdp.body}))
    command = update(kind, names, translation.said, list(translation.media.values()))
    return SessionUpdate(kind, names, sdp, translation).exchange(command)


def answered(reply: NodeReply) -> Exchange:
    """Return an exchange that is over at once: nothing need be asked of the node."""
    yield from ()
    return reply
