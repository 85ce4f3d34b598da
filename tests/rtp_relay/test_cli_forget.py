"""The command that removes ended calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from events.decisions import FORGOTTEN
from events.forget_events import ForgettingAsked, trace_of
from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, Index
from replay.search import has_party
from tests.events.ended_contract import ENDED
from tests.events.samples import live, record
from tests.rtp_relay.cli_journal import share_journal
from tests.rtp_relay.test_cli_search import invoke

HOUR = 3_600_000
CALLS = {
    "by-ann": (HOUR, "<sip:ann@example.com>", "<sip:bob@example.com>"),
    "by-joann": (HOUR, "<sip:joann@example.com>", "<sip:bob@example.com>"),
    "to-ann": (HOUR, "<sip:bob@example.com>", '"Ann <a>" <sip:ANN@example.com;user=phone>;tag=1'),
    "just-now": (1000, "sip:ann@example.com;tag=5", "<sip:bob@example.com>"),
}


@pytest.fixture(name="journal")
def _journal(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    journal = share_journal(monkeypatch)

    async def fill() -> None:
        now = round(await journal.time())
        for name, (age, caller, callee) in CALLS.items():
            row = replace(ENDED, call_id=CallId(name), ended=now - age, caller=caller, callee=callee)
            await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))
        await journal.append(CallId("lives"), 0, [record(1)], NOTHING, live(CallId("lives"), 1, "ng1"))

    asyncio.run(fill())
    return journal


def left(journal: MemoryJournal) -> set[str]:
    async def read() -> set[str]:
        return {name for name in (*CALLS, "lives") if await journal.read(CallId(name))}

    return asyncio.run(read())


def asked(journal: MemoryJournal) -> list[object]:
    async def read() -> list[object]:
        return [entry.event for entry in await journal.read_decisions(FORGOTTEN)]

    return asyncio.run(read())


def test_a_call_is_removed_and_who_asked_is_journalled(journal: MemoryJournal) -> None:
    assert invoke("forget", "by-ann", "--reason", "ticket 7")[:2] == (0, "1 call removed\n")
    assert left(journal) == {*CALLS, "lives"} - {"by-ann"}
    [event] = asked(journal)
    assert isinstance(event, ForgettingAsked)
    assert (event.reason, event.by_party, event.calls) == ("ticket 7", False, (trace_of(CallId("by-ann")),))
    assert event.asked_by.endswith("(command line)")
    assert invoke("forget", "by-ann")[0] == 3
    assert len(asked(journal)) == 2


@pytest.mark.parametrize(("name", "why"), [("lives", "is live"), ("just-now", "less than ten minutes")])
def test_a_call_that_may_go_on_is_kept(journal: MemoryJournal, name: str, why: str) -> None:
    code, text, told = invoke("forget", name)
    assert (code, text) == (1, "0 calls removed\n")
    assert why in told
    assert left(journal) == {*CALLS, "lives"}


@pytest.mark.parametrize(
    ("option", "removed"), [("--caller", {"by-ann"}), ("--party", {"by-ann", "to-ann"})], ids=["caller", "party"]
)
def test_the_calls_of_a_party_are_removed(journal: MemoryJournal, option: str, removed: set[str]) -> None:
    code, text, told = invoke("forget", option, "sip:ann@example.com", "--dry-run")
    assert (code, "just-now" in told) == (1, True), "as without it"
    assert text.splitlines()[-1] == f"{len(removed)} call{'' if len(removed) == 1 else 's'} would be removed"
    assert {line.removesuffix(": would be removed") for line in text.splitlines()[:-1]} == removed
    assert left(journal) == {*CALLS, "lives"}
    assert asked(journal) == []
    code, text, told = invoke("forget", option, "sip:ann@example.com")
    assert (code, "just-now" in told) == (1, True)
    assert f"{len(removed)} call" in text
    assert left(journal) == {*CALLS, "lives"} - removed


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("by-ann", 0, "by-ann: would be removed\n1 call would be removed\n"),
        ("by-anm", 3, "no call is known under 'by-anm'"),
        ("just-now", 1, "ended less than ten minutes ago"),
        ("lives", 1, "is live"),
    ],
)
def test_a_dry_run_tells_what_would_become_of_a_call(journal: MemoryJournal, call: str, code: int, said: str) -> None:
    found, text, told = invoke("forget", call, "--dry-run")
    assert found == code
    assert said in text + told
    assert left(journal) == {*CALLS, "lives"}
    assert asked(journal) == []


@pytest.mark.parametrize("option", ["--caller", "--party"])
@pytest.mark.parametrize("uri", ["ann", "sip:ann@example.com:5060", "x\x1b[2J"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["removed", "dry run"])
def test_a_uri_that_no_ended_call_has_is_told(
    journal: MemoryJournal, option: str, uri: str, more: tuple[str, ...]
) -> None:
    code, text, told = invoke("forget", option, uri, *more)
    assert (code, text) == (3, "")
    assert f"no ended call has {uri!r} as its {option[2:]}: the URI is compared whole" in told
    assert left(journal) == {*CALLS, "lives"}
    assert asked(journal) == []


def test_exactly_one_way_to_name_calls_is_expected(journal: MemoryJournal) -> None:
    for words in ([], ["by-ann", "--caller", "x"], ["--caller", "x", "--party", "y"]):
        assert invoke("forget", *words)[0] == 2
    assert left(journal) == {*CALLS, "lives"}


@pytest.mark.parametrize(
    ("party", "uri", "is_it"),
    [
        ("<sip:+4930123@example.com;user=phone>", "sip:+4930123@example.com", True),
        ("<sip:+4930123@example.com>", "+4930123@EXAMPLE.com", True),
        ("<tel:+4930123>", "tel:+4930123", True),
        ("<sip:+4930123@example.com>", "sip:+4930123", False),
        ("<sip:+4930123@example.com>", "sip:+49301234@example.com", False),
        ("", "sip:a@b", False),
        ("", "", False),
    ],
)
def test_a_party_is_found_by_its_whole_uri(party: str, uri: str, is_it: bool) -> None:
    assert has_party(party, uri) is is_it
