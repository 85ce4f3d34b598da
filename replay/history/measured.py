"""How the media of a call were, in words."""

from __future__ import annotations

from collections.abc import Iterator

from events.registry import MeasuredStream, MediaMeasured

ONE_WAY = "ONE WAY"
"""What a history says of a party of whom nothing came that was to come; by this it stands out."""


def words_of(event: MediaMeasured) -> str:
    """Return what was counted, the caller's leg first."""
    streams = sorted(event.measured, key=lambda stream: (stream.party != event.from_tag, stream.party, stream.medium))
    when = "" if event.final else " so far"
    legs = [f"{_whose(event, stream)}{', '.join(_facts(stream))}" for stream in streams]
    return "; ".join([f"session {event.session} on {event.node}{when}", *legs])


def _whose(event: MediaMeasured, stream: MeasuredStream) -> str:
    leg = f"{event.leg(stream)} " if event.from_tag else ""
    medium = f" {stream.medium}" if stream.medium > 1 else ""
    return f"{leg}{stream.party} {stream.kind or 'stream'}{medium}: "


def _facts(stream: MeasuredStream) -> Iterator[str]:
    if stream.one_way:
        yield f"{ONE_WAY}, nothing came from there"
    else:
        yield _counted(stream.packets, stream.octets)
    if stream.packets_sent is not None:
        yield f"{_counted(stream.packets_sent, stream.octets_sent)} to there"
    if stream.errors:
        yield f"{stream.errors} unusable"
    if stream.lost is not None:
        yield f"{stream.lost} lost"
    if stream.jitter is not None:
        yield f"jitter {stream.jitter} ms"
    if stream.mos is not None:
        lowest, average, highest = (f"{score / 10:.1f}" for score in stream.mos)
        yield f"MOS {average} ({lowest} to {highest})"
    if stream.round_trip is not None:
        yield f"round trip {stream.round_trip / 1000:.0f} ms"
    if stream.ssrcs:
        yield f"SSRC {' '.join(f'{ssrc:08x}' for ssrc in stream.ssrcs)}"


def _counted(packets: int, octets: int | None) -> str:
    return f"{packets} packets" if octets is None else f"{packets} packets ({octets} bytes)"
