"""What a node's statistics say of a session's media, as the event that is journalled of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engines.registry import kind_of
from engines.reply import NodeReply
from engines.sdp.lines import SdpError
from engines.sdp.session import Sdp, Stream, parse
from events.names import NO_TAG, Tag
from events.registry import Event, MeasuredStream, MediaMeasured
from replay.state import CallState, Session

HEARD = 100
"""RTP packets of one party after which the other, of whom there are none, is taken for silent: 2 s of speech."""

_NOWHERE = (b"0.0.0.0", b"::")
"""The addresses by which older parties hold a call (RFC 3264 8.4)."""


def measured(state: CallState, session: Session, reply: NodeReply, *, final: bool = True) -> list[Event]:
    """Return the event of what a reply tells of a session's media; none if it tells nothing, or nobody answered."""
    streams = kind_of(session.engine).measured(reply)
    if not any(stream.packets for stream in streams) and (session.agreement is None or not streams):
        return []
    streams = _with_kinds(session, streams)
    silent = _silent(state, session, streams)
    if silent:
        streams = tuple(replace(stream, one_way=True) if stream in silent else stream for stream in streams)
    parties = _callers_tag(state, session, streams)
    return [MediaMeasured(session=session.number, node=session.node, from_tag=parties, measured=streams, final=final)]


def _with_kinds(session: Session, streams: tuple[MeasuredStream, ...]) -> tuple[MeasuredStream, ...]:
    """Return streams with their media types, which the session descriptions tell where the node does not."""
    if all(stream.kind for stream in streams) or session.agreement is None:
        return streams
    described = _parsed(session.agreement.offer)
    kinds = {one.number: one.media.decode("utf-8", "replace") for one in described.streams} if described else {}
    return tuple(replace(stream, kind=stream.kind or kinds.get(stream.medium, "")) for stream in streams)


def _callers_tag(state: CallState, session: Session, streams: Iterable[MeasuredStream]) -> Tag:
    """Return the caller's tag as the node knows it; "" if it is none of those that the node tells of."""
    relay = session.relay or state.relay
    told = {stream.party for stream in streams}
    candidates = (
        relay.context.get("from_tag", "") if relay is not None else "",
        state.sip_dialogs.callers_tag if state.sip_dialogs is not None else "",
        next(iter(state.sessions.values())).from_tag,
        session.from_tag,
    )
    return next((Tag(tag) for tag in candidates if tag in told), NO_TAG)


def _silent(state: CallState, session: Session, streams: Sequence[MeasuredStream]) -> list[MeasuredStream]:
    """Return the streams of which nothing came, though both parties had agreed to send and the other one did."""
    nothing = [stream for stream in streams if not stream.packets]
    if not nothing or len(nothing) == len(streams) or not _is_answered(state, session):
        return []
    return [
        stream
        for stream in nothing
        if any(
            other.packets >= HEARD and other.medium == stream.medium and _agreed_both_ways(session, stream.medium)
            for other in _peers(session, stream, streams)
        )
    ]


def _is_answered(state: CallState, session: Session) -> bool:
    """Return whether there was more than a call that rings: while it does, one party may well be the only one to send.

    Of an answer alone, as the ng door has it, nobody can tell whether it is an early one, and so it counts.
    """
    if state.sip_dialogs is None:
        return session.agreement is not None
    relay = session.relay or state.relay
    return relay is not None and relay.established is not None


def _peers(session: Session, stream: MeasuredStream, streams: Sequence[MeasuredStream]) -> list[MeasuredStream]:
    """Return the streams of whom a party agreed with last; of two parties, the other's."""
    parties = {one.party for one in streams}
    agreement = session.agreement
    if len(parties) > 2 and agreement is not None:
        parties &= {agreement.from_tag, agreement.to_tag}
    return [one for one in streams if stream.party in parties and one.party in parties - {stream.party}]


def _agreed_both_ways(session: Session, medium: int) -> bool:
    """Return whether both parties are to send RTP in a stream, by their last offer and answer."""
    agreement = session.agreement
    if agreement is None:
        return False
    return all(_is_both_ways(_parsed(body), medium) for body in (agreement.offer, agreement.answer))


def _is_both_ways(described: Sdp | None, medium: int) -> bool:
    if described is None or medium > len(described.streams):
        return False
    stream = described.streams[medium - 1]
    both = described.direction_of(stream) == b"sendrecv"
    return both and stream.is_live and b"RTP/" in stream.transport and not _is_held(described, stream)


def _is_held(described: Sdp, stream: Stream) -> bool:
    try:
        return described.address_of(stream).host in _NOWHERE
    except SdpError:
        return True


def _parsed(body: bytes) -> Sdp | None:
    try:
        return parse(body)
    except SdpError:
        return None
