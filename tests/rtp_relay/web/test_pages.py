"""What the page shows of a journal, and what of it is harmless."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from engines.health import NodeState
from events import registry as e
from events.ended import EndedCall, Outcome
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId, NodeName, RelayId, Tag
from events.records import NOTHING, CallFilter, Index, LiveCall, Recorded
from gateways.mi.methods import Role
from replay.fold import fold
from replay.projection import Deadlines, project
from rtp_relay.web.pages.calls import LOOKED_AT, PAGE
from rtp_relay.web.rendering import in_url
from tests.events.ended_contract import ENDED
from tests.events.samples import record
from tests.replay.stories import CALL, STORY
from tests.rtp_relay.web.visitor import Visitor, visiting

EVIL = CallId("\"><script>alert(1)</script>' onload=x \u202egnp.exe \x1b[31m\udcff" + "x" * 300)
EVIL_SDP = b"v=0\r\ns=<img src=x onerror=alert(1)>\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0a2V5\r\n"
KEY = "c2VjcmV0a2V5"


async def add(journal: MemoryJournal, call_id: CallId, entries: Sequence[Recorded]) -> None:
    """Write a call that ended, as its events tell of it."""
    row = project(fold(call_id, entries), Deadlines()).ended
    await journal.append(call_id, 0, entries, NOTHING, Index(ended=row))


def evil_story(now: int) -> list[Recorded]:
    """Return the story of a call in which all that others choose is evil."""
    tag = Tag("<b>tag</b>")
    events: list[e.Event] = [
        e.SessionIntended(
            session=1,
            operation=1,
            engine="rtpengine",
            set="gold",
            node=NodeName("relay-1"),
            relay_id=RelayId(EVIL),
            from_tag=tag,
        ),
        e.Offered(session=1, operation=1, from_tag=tag, sdp=EVIL_SDP, relayed=EVIL_SDP),
        e.CommandRefused(command="offer", reason="<script>alert(2)</script>"),
        e.DeleteIntended(scope=e.Scope.CALL, sessions=(1,), reason="<i>x</i>", from_tag=tag),
        e.Deleted(session=1, how=e.RemovalProof.CONFIRMED),
    ]
    return [Recorded(number, now + number, "control-1", event) for number, event in enumerate(events, 1)]


class _Active(HTMLParser):
    """Finds what does something by itself, or looks like no file of ours says."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("img", "iframe", "object", "embed", "style", "base") or (
            tag == "script" and not (given.get("src") or "").startswith("/static/")
        ):
            self.found.append(tag)
        self.found += [name for name in given if name == "style" or name.startswith("on") or "hx-on" in name]


def active_in(page: str) -> list[str]:
    """Return the elements and attributes of a page that others might have brought in."""
    parser = _Active()
    parser.feed(page)
    return parser.found


@pytest.fixture
async def journal() -> AsyncIterator[MemoryJournal]:
    made = MemoryJournal()
    now = round(await made.time())
    nodes = tuple(
        NodeStatus(
            name=name, engine="rtpengine", url="udp:192.0.2.1:2223", set="gold", weight=3, state=state, since=now
        )
        for name, state in (("relay-1", NodeState.UP), ("relay-2", NodeState.DOWN))
    )
    status = ControlNodeStatus(name="control-1", started_at=now, seen_at=now, version="1", nodes=nodes)
    await made.publish("control-1", encode_status(status), 60)
    await add(made, CALL, [replace(entry, at=now + entry.version) for entry in STORY])
    await add(made, EVIL, evil_story(now))
    for number in range(3):
        row = LiveCall(
            call_id=CallId(f"live-{number}"),
            status="live",
            version=1,
            created=now,
            changed=now,
            set="gold",
            sessions=((NodeName("relay-1"), RelayId(f"id-{number}")),),
        )
        await made.append(row.call_id, 0, [record(1)], NOTHING, Index(live=row, nodes=frozenset({"relay-1"})))
    yield made
    await made.close()


@pytest.fixture
async def visitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: MemoryJournal) -> AsyncIterator[Visitor]:
    async with visiting(monkeypatch, tmp_path, journal) as one:
        await one.log_in(Role.READ)
        yield one


async def test_the_overview(visitor: Visitor) -> None:
    assert await visitor.get("/") == 200
    assert "Live calls 3" in visitor.text
    assert "relay-2 down" in visitor.text
    assert "control-1 up" in visitor.text


async def test_nodes(visitor: Visitor) -> None:
    assert await visitor.get("/nodes") == 200
    assert "relay-1 up" in visitor.text
    assert await visitor.get("/node?name=relay-1") == 200
    assert "3 live calls on it" in visitor.text
    assert await visitor.get("/node?name=relay-9") == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?text=LIVE-2", 1),
        ("?text=id-1", 1),
        ("?node=relay-1", 3),
        ("?node=relay-2", 0),
        ("?status=closing", 0),
    ],
)
async def test_live_calls(visitor: Visitor, query: str, found: int) -> None:
    assert await visitor.get(f"/calls{query}") == 200
    assert visitor.page.count('<a href="/call?id=live-') == found


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?cursor=nonsense",
        "/ended?since=soon",
        "/ended?outcome=bad",
        "/ended?cursor=x",
        f"/ended?cursor={'9' * 5000}",
    ],
)
async def test_what_is_asked_wrongly_is_said(visitor: Visitor, query: str) -> None:
    expected = 400 if "soon" in query or "bad" in query or "nonsense" in query else 200
    assert await visitor.get(f"/calls{query}") == expected


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 2), ("?text=call-1", 1), ("?went_wrong=on&text=call-1", 0), ("?outcome=lost", 0), ("?set=nowhere", 0)],
)
async def test_ended_calls(visitor: Visitor, query: str, found: int) -> None:
    assert await visitor.get(f"/calls/ended{query}") == 200
    assert visitor.page.count('<a href="/call?id=') == found


async def test_ended_calls_are_found_page_by_page(visitor: Visitor, journal: MemoryJournal) -> None:
    now = round(await journal.time())
    names = {f"many-{number}" for number in range(3 * PAGE)}
    for number, name in enumerate(sorted(names)):
        row = replace(ENDED, call_id=CallId(name), created=now, answered=0, ended=now - number)
        await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))
    assert len(names) < LOOKED_AT
    seen: list[str] = []
    path = "/calls/ended?text=many"
    while path:
        assert await visitor.get(path) == 200
        seen += [part.partition('"')[0] for part in visitor.page.split('<a href="/call?id=')[1:]]
        further = visitor.page.partition(">Further calls<")[0].rpartition('href="')[2].partition('"')[0]
        path = further.replace("&amp;", "&") if ">Further calls<" in visitor.page else ""
    assert sorted(seen) == sorted(names)


async def test_a_call_says_why_it_went_wrong(visitor: Visitor) -> None:
    assert await visitor.get(f"/call?id={CALL}") == 200
    assert "disk full" in visitor.text.partition("Ladder")[0]
    assert "Unknown call-id" in visitor.text.partition("Ladder")[0]


async def test_a_call_as_it_was(visitor: Visitor) -> None:
    assert await visitor.get(f"/call/state?id={CALL}&version=2") == 200
    assert "At version 2 of 7: live , not answered" in visitor.text
    assert await visitor.get(f"/call/state?id={CALL}&version=3") == 200
    assert "relay answered False True" in visitor.text
    assert await visitor.get(f"/call/state?id={CALL}&version=7&against=2") == 200
    assert "sessions 1 status open closed" in visitor.text
    assert await visitor.get(f"/call?id={CALL}&version=1&against=0") == 200
    assert "differs from no call at all" in visitor.text
    assert await visitor.get(f"/call/state?id={CALL}&version=2&against=9") == 404
    assert await visitor.get(f"/call/state?id={CALL}&version=8") == 404
    assert await visitor.get("/call?id=nobody") == 404


async def test_a_call_as_a_file(visitor: Visitor) -> None:
    assert await visitor.get(f"/call/download?id={CALL}") == 200
    lines = [json.loads(line) for line in visitor.page.splitlines()]
    assert [line["version"] for line in lines] == list(range(1, 8))
    assert "attachment" in visitor.headers["Content-Disposition"]


@pytest.mark.parametrize("path", ["/calls/ended", "/call?id={}", "/call/state?id={}&version=4"])
async def test_what_others_choose_is_text(visitor: Visitor, path: str) -> None:
    assert await visitor.get(path.format(in_url(EVIL))) == 200
    for markup in ("<script>alert", "<img", "<b>tag", "<i>x", "\u202e", "\x1b"):
        assert markup not in visitor.page
    assert active_in(visitor.page) == []
    assert "script>alert(1)</" in visitor.text or "/state" in path
    picture = visitor.page.partition("<svg")
    if picture[1]:
        ET.fromstring(f"<svg{picture[2].partition('</svg>')[0]}</svg>")


@pytest.mark.parametrize("path", ["/call?id={}", "/call/state?id={}&version=3", "/call/download?id={}"])
async def test_keys_are_not_shown(visitor: Visitor, path: str) -> None:
    assert await visitor.get(path.format(in_url(EVIL))) == 200
    assert KEY not in visitor.page


async def test_a_journal_that_is_away(
    visitor: Visitor, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise JournalUnavailable("connection refused")

    monkeypatch.setattr(journal, "count_calls", away)
    assert await visitor.get("/") == 503
    assert "connection refused" in visitor.text


async def test_a_row_of_which_nothing_is_known(visitor: Visitor, journal: MemoryJournal) -> None:
    now = round(await journal.time())
    row = EndedCall(call_id=CallId("torn"), ended=now, outcome=Outcome.UNREADABLE)
    await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))
    assert await visitor.get("/calls/ended?outcome=unreadable") == 200
    assert "torn" in visitor.text
    assert (await journal.page(CallFilter())).cursor == ""
