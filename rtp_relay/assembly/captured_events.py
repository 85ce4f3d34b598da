"""Journal events, as they are captured: each as a line of JSON, and how media were as reports of their quality."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from actors.node_table import NodeTable
from events.entry_json import to_document
from events.names import CallId
from events.records import Recorded
from events.registry import MeasuredStream, MediaMeasured
from gateways.handoff.calls import call_of_stream
from gateways.hep.capture import Capture
from gateways.hep.packet import Address, Captured, Kind
from replay.history.redact import without_keys
from replay.privacy.numbers import Numbers

_SIZE = 1000
"""Bytes that an event is reckoned with while it waits: it is written when its turn comes."""


class JournalTap:
    """Captures what this control node journals of calls."""

    def __init__(self, capture: Capture, nodes: NodeTable, numbers: Numbers, *, events: bool, quality: bool) -> None:
        self._capture, self._nodes, self._numbers = capture, nodes, numbers
        self._events, self._quality = events, quality

    @property
    def wants(self) -> bool:
        """Whether it captures anything."""
        return self._events or self._quality

    def observe(self, call_id: CallId, record: Recorded) -> None:
        """Capture an event that stands in the journal."""
        if self._events:
            self._capture.put(partial(self._event, call_id, record), _SIZE)
        if self._quality:
            for event in record.events:
                if isinstance(event, MediaMeasured):
                    for stream in event.measured:
                        self._capture.put(partial(self._report, call_id, record.at, event, stream), _SIZE)

    def _event(self, call_id: CallId, record: Recorded) -> Captured:
        here = self._capture.here
        document = {"call_id": call_id, **to_document(self._numbers.entry(without_keys(record)))}
        payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return Captured(Kind.EVENT, payload, record.at * 1000, here, here, correlation=call_of_stream(call_id))

    def _report(self, call_id: CallId, at: int, event: MediaMeasured, stream: MeasuredStream) -> Captured:
        correlation = call_of_stream(call_id)
        document = {
            "CORRELATION_ID": correlation.decode("utf-8", "replace"),
            "RTP_SIP_CALL_ID": correlation.decode("utf-8", "replace"),
            "REPORT_TS": at / 1000,
            "REPORT_NAME": f"{event.node} session {event.session}",
            "TYPE": "HANGUP" if event.final else "PERIODIC",
            "PARTY": event.leg(stream),
            "TAG": stream.party,
            "MEDIUM": stream.medium,
            "MEDIA_TYPE": stream.kind,
            **dict(_numbers(stream)),
        }
        payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        source = self._address_of(event.node)
        return Captured(Kind.QUALITY, payload, at * 1000, source, self._capture.here, correlation=correlation)

    def _address_of(self, name: str) -> Address:
        """Return where a node takes commands; for one of no known address that of this control node."""
        url = next((node.spec.url for node in self._nodes.all() if node.spec.name == name), "")
        try:
            place = urlsplit(f"//{url.removeprefix('udp:')}")
            return str(ipaddress.ip_address(place.hostname or "")), place.port or 0
        except ValueError:
            return self._capture.here


def _numbers(stream: MeasuredStream) -> Iterator[tuple[str, object]]:
    """Yield what was counted, by the names that Homer's agents use; what the node does not tell is left out."""
    yield "TOTAL_PK", stream.packets
    if stream.octets is not None:
        yield "TL_BYTE", stream.octets
    if stream.lost is not None:
        yield "PACKET_LOSS", stream.lost
        yield "EXPECTED_PK", stream.packets + stream.lost
    if stream.jitter is not None:
        yield "MEAN_JITTER", stream.jitter
        yield "JITTER", stream.jitter
    if stream.mos is not None:
        lowest, average, highest = (score / 10 for score in stream.mos)
        yield from {"MOS": average, "MEAN_MOS": average, "MIN_MOS": lowest, "MAX_MOS": highest}.items()
    if stream.round_trip is not None:
        yield "ROUND_TRIP", stream.round_trip / 1000
    if stream.ssrcs:
        yield "SSRC", [f"{ssrc:08x}" for ssrc in stream.ssrcs]
    yield "ONE_WAY", stream.one_way
