"""What spans there are of a request, by OpenTelemetry's own SDK and its exporter in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actors.commands.reading import ReadCall
from actors.results import Done, Refused
from engines.ng.bencode import encode
from engines.refusal import RefusalCode
from events.journal import Conflict
from events.memory import MemoryJournal
from events.names import CallId, NodeName
from events.records import NOTHING, Index, Recorded
from events.registry import MediaSeen
from gateways.sip.addresses import SipTransport
from gateways.tracing import doors
from gateways.tracing import spans as spans_module
from gateways.tracing.doors import NgRequests, SipRequests
from gateways.tracing.spans import Spans
from gateways.tracing.steps import traced_journal, traced_way
from rtp_relay.assembly.telemetry import starting_with

HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.2", 5062)
OFFER = b"1 " + encode({b"command": b"offer", b"call-id": b"c"})


class Traced:
    """Spans, and those that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.spans = Spans(starting_with(self.provider))

    @property
    def ended(self) -> Sequence[Any]:
        return list(self._exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        return [str(span.name) for span in self.ended]

    def parents(self) -> dict[str, str]:
        """Return the name of each span's parent, "" for none."""
        by_id = {span.context.span_id: span.name for span in self.ended}
        return {span.name: by_id[span.parent.span_id] if span.parent else "" for span in self.ended}


@pytest.fixture
def traced() -> Iterator[Traced]:
    made = Traced()
    yield made
    made.provider.shutdown()


class Way:
    """A way to a node, which says what was sent."""

    repeats = True

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []

    def send(self, cookie: bytes, command: bytes) -> None:
        self.sent.append((cookie, command))

    def close(self) -> None:
        self.sent.clear()


async def test_each_step_of_a_request_has_its_span(traced: Traced) -> None:
    spans, journal = traced.spans, traced_journal(MemoryJournal(), traced.spans)
    replies: list[bytes] = []
    results: list[object] = []
    reply = NgRequests(spans)(OFFER, "udp", THERE, HERE, replies.append)
    done = spans.command(ReadCall(call_id=CallId("c")), results.append)
    record = Recorded(1, 1, "n", MediaSeen(session=1))
    await journal.append(CallId("c"), 0, [record], NOTHING, Index())
    await journal.check(CallId("c"), 1)
    taken: list[tuple[bytes, bytes]] = []
    inner = Way()

    async def opening(*_: object) -> Way:
        return inner

    way = await traced_way(opening, NodeName("n1"), spans)("udp:h:1", lambda *one: taken.append(one), lambda _: None)
    assert way.repeats
    for _ in range(2):  # once more, as it is sent again
        way.send(b"k", encode({b"command": b"offer", b"call-id": b"c#2"}))
    way.send(b"ping", encode({b"command": b"ping"}))
    way.take(b"k", b"d6:result2:oke")  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    done(Done())
    reply(b"1 d6:result2:oke")
    assert (len(inner.sent), taken, results, replies) == (
        3,
        [(b"k", b"d6:result2:oke")],
        [Done()],
        [b"1 d6:result2:oke"],
    )
    assert traced.parents() == {
        "journal append": "ReadCall",
        "journal check": "ReadCall",
        "node offer": "ReadCall",
        "ReadCall": "ng offer",
        "ng offer": "",
    }
    assert {span.context.trace_id for span in traced.ended} == {traced.ended[0].context.trace_id}
    assert {(span.attributes["rtp_relay.call_id"], span.status.description) for span in traced.ended} == {("c", None)}
    assert {span.name: span.attributes.get("rtp_relay.node") for span in traced.ended}["node offer"] == "n1"
    assert traced.spans.open == 0


async def test_what_fails_says_so(traced: Traced) -> None:
    journal = traced_journal(MemoryJournal(), traced.spans)
    with pytest.raises(Conflict):
        await journal.check(CallId("c"), 7)
    await asyncio.sleep(0)
    traced.spans.command(ReadCall(call_id=CallId("c")), lambda _: None)(Refused(RefusalCode.FULL, "too much"))
    NgRequests(traced.spans)(OFFER, "udp", THERE, HERE, lambda _: None)(b"1 d12:error-reason2:no6:result5:errore")
    failures = {span.name: span.status.description for span in traced.ended}
    assert failures["ReadCall"] == "too much"
    assert failures["ng offer"] == "an error was replied"
    assert "expected version 7" in (failures["journal check"] or "")


def sip(first: str, branch: str, method: str, call_id: str = "c") -> bytes:
    lines = [first, f"Via: SIP/2.0/UDP h;branch={branch}", f"Call-ID: {call_id}", f"CSeq: 1 {method}", "", ""]
    return "\r\n".join(lines).encode()


def test_sip_requests_that_come_and_go_until_they_are_answered(traced: Traced) -> None:
    tap = SipRequests(traced.spans)

    def came(data: bytes) -> None:
        tap(data, SipTransport.UDP, THERE, HERE, False)

    def left(data: bytes) -> None:
        tap(data, SipTransport.UDP, HERE, THERE, True)

    came(sip("INVITE sip:b SIP/2.0", "z9hG4bKa", "INVITE"))
    came(sip("INVITE sip:b SIP/2.0", "z9hG4bKa", "INVITE"))
    left(sip("SIP/2.0 100 Trying", "z9hG4bKa", "INVITE"))
    left(sip("INVITE sip:b SIP/2.0", "z9hG4bKb", "INVITE"))
    came(sip("SIP/2.0 180 Ringing", "z9hG4bKb", "INVITE"))
    came(sip("SIP/2.0 200 OK", "z9hG4bKb", "INVITE"))
    assert traced.names == ["sip INVITE"]
    left(sip("SIP/2.0 200 OK", "z9hG4bKa", "INVITE"))
    came(sip("ACK sip:b SIP/2.0", "z9hG4bKc", "ACK"))
    came(sip("BYE sip:b SIP/2.0", "z9hG4bKd", "BYE"))
    left(sip("SIP/2.0 481 Gone", "z9hG4bKd", "BYE"))
    came(b"garbage")
    outgoing, incoming, bye = traced.ended
    assert (outgoing.kind.name, incoming.kind.name) == ("CLIENT", "SERVER")
    assert outgoing.parent.span_id == incoming.context.span_id
    assert (bye.name, bye.parent, bye.status.description) == ("sip BYE", None, "481 Gone")
    assert traced.spans.open == 0


def test_requests_that_nobody_answers_are_bounded(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "MAX_OPEN", 2)
    tap = SipRequests(traced.spans)
    for number in range(5):
        tap(sip("OPTIONS sip:b SIP/2.0", f"z9hG4bK{number}", "OPTIONS"), SipTransport.TCP, THERE, HERE, False)
    assert len(traced.names) == 3


def test_an_ng_request_that_nobody_replies_to_has_no_span(traced: Traced) -> None:
    NgRequests(traced.spans)(OFFER.partition(b" ")[2], "udp", THERE, HERE, lambda _: None)
    assert traced.spans.open == 0


def test_an_ng_request_sent_again_in_work_has_one_span(traced: Traced) -> None:
    tap = NgRequests(traced.spans)
    replies: list[bytes] = []
    sends = [tap(OFFER, "udp", THERE, HERE, replies.append) for _ in range(40)]
    tap(OFFER, "udp", HERE, HERE, replies.append)(b"1 de")  # of another client
    for send in sends[:16]:
        send(b"1 d6:result2:oke")
    assert (len(replies), traced.names, traced.spans.open) == (17, ["ng offer", "ng offer"], 0)


def test_ng_requests_and_commands_that_get_no_reply_are_bounded(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MAX_OPEN", 2)
    monkeypatch.setattr(spans_module, "MAX_COMMANDS", 2)
    spans = Spans(starting_with(traced.provider))
    tap = NgRequests(spans)
    first = tap(OFFER, "udp", THERE, HERE, lambda _: None)
    done = spans.command(ReadCall(call_id=CallId("c")), lambda _: None)
    for number in range(1, 5):
        call = f"c{number}"
        tap(b"1 " + encode({b"command": b"offer", b"call-id": call.encode()}), "udp", THERE, HERE, lambda _: None)
        spans.command(ReadCall(call_id=CallId(call)), lambda _: None)
    assert (sorted(traced.names), spans.open) == (["ReadCall"] * 3 + ["ng offer"] * 3, 2)
    first(b"1 d6:result2:oke")  # after its time: nothing ends twice
    done(Refused(RefusalCode.FULL, "too much"))
    assert (len(traced.names), spans.open) == (6, 2)


async def test_a_command_of_a_kind_without_ng_finds_its_call_by_its_words(traced: Traced) -> None:
    inner = Way()

    async def opening(*_: object) -> Way:
        return inner

    way = await traced_way(opening, NodeName("p"), traced.spans)("udp:h:1", lambda *_: None, lambda _: None)
    way.send(b"0", b"Uc0 c 192.0.2.1 4000 a;1")
    done = traced.spans.command(ReadCall(call_id=CallId("c")), lambda _: None)
    way.send(b"1", b"Uc0 c 192.0.2.1 4000 a;1")
    way.take(b"0", b"1")  # type: ignore[attr-defined]
    way.take(b"1", b"1")  # type: ignore[attr-defined]
    done(Done())
    assert traced.parents() == {"node request": "ReadCall", "ReadCall": ""}
