"""A list has one line a row, no wider than the terminal and harmless, whatever its rows have in them."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtp_relay.ages import age
from rtp_relay.cli.calls import COLUMNS as OF_CALLS
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Since, number
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.listing.layout import lay_out
from rtp_relay.cli.listing.shorten import Shortener
from rtp_relay.cli.listing.text import clean, width
from rtp_relay.cli.listing.writing import Table, lines_of, stream
from rtp_relay.cli.nodes import COLUMNS as OF_NODES

Row = tuple[str, str, int]

COLUMNS: Columns[Row] = (
    Column(name="id", of=lambda row: row[0], rank=0, cut=Cut.MIDDLE),
    Column(name="words", of=lambda row: row[1], rank=2, colour=lambda _: "bold red"),
    number("count", lambda row: row[2], rank=1),
    Column(name="age", of=lambda _: Since(10**13), rank=3),
)

HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "a\r\nb\x0b\x85c",
    "\u202egnp\u200b",
    "漢字" * 20,
    "e\u0301" * 40,
    "\u0301",
    "\ud800",
]
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from([*HOSTILE, "🇩🇪" * 9, "👍🏽", "☁\ufe0f", "x" * 200, ""]))
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 10**9)), max_size=6)


def on_screen(line: str, cells: int) -> list[str]:
    """Return the lines of a terminal that has got this line."""
    screen = pyte.Screen(cells, 3)
    pyte.Stream(screen).feed(line)
    return list(screen.display)


def is_drawn(text: str) -> bool:
    """Return whether the terminal of the test draws it: it stops at marks that are combined with nothing."""
    return all(width(char) or unicodedata.combining(char) for char in clean(text))


@given(rows=ROWS, cells=st.integers(1, 120), colours=st.booleans())
@example(rows=[(text, text, 1) for text in HOSTILE], cells=40, colours=True)
def test_each_row_is_one_line_of_the_terminal(rows: list[Row], cells: int, colours: bool) -> None:
    lines = list(lines_of([Table("title", COLUMNS, rows)], Display(cells=cells, colours=colours)))
    table = lay_out(COLUMNS, rows, cells, 0)
    assert len(lines) == 1 + bool(rows) * (1 + len(rows) + bool(table.left_out))
    for row, line in zip(rows, lines[2:], strict=False):
        first, *others = on_screen(line, cells)
        assert not any(map(str.strip, others))
        if is_drawn(row[0]) and is_drawn(row[1]):
            text = "".join(part for part, _ in table.line(row, 0)).rstrip(" ")
            assert width(text) <= cells
            assert unicodedata.normalize("NFC", first.rstrip()) == unicodedata.normalize("NFC", text)


@given(rows=ROWS)
def test_in_a_pipe_nothing_is_left_out(rows: list[Row]) -> None:
    lines = list(lines_of([Table("", COLUMNS, rows)], Display()))[1:]
    for (first, second, count), line in zip(rows, lines, strict=True):
        assert line.startswith(clean(first).rstrip(" "))
        assert clean(second).rstrip(" ") in line
        assert str(count) in line
        assert line.isprintable()


@given(
    texts=st.lists(st.text(st.sampled_from("ab"), min_size=4, max_size=30), unique=True, max_size=40),
    prefix=st.sampled_from(["", "call-" * 5]),
    suffix=st.sampled_from(["", "@a-very-long-name.example.com"]),
)
def test_shortened_texts_are_told_apart(texts: list[str], prefix: str, suffix: str) -> None:
    shortener = Shortener()
    whole = [prefix + text + suffix for text in texts]
    short = [shortener.shorten(text, 20) for text in whole]
    assert max(map(len, short), default=0) <= 20
    assert len(set(short)) == len(whole)
    assert [shortener.shorten(text, 20) for text in whole] == short


@pytest.mark.parametrize(
    ("ms", "text"),
    [(-5, "0s"), (59_999, "59s"), (192_000, "3m12s"), (7_500_000, "2h05m"), (4 * 86_400_000 + 21_600_000, "4d06h")],
)
def test_ages(ms: int, text: str) -> None:
    assert age(ms) == text


CALLS = [
    {
        "call_id": f"{number:08}-3f2a-4c1d@sip-{number % 3}.voice.example.com",
        "status": status,
        "created": "2026-11-29T10:00:00.000Z",
        "set": "default",
        "sessions": [{"node": f"relay-{number % 2}", "id": "x"}],
        "from_tag": f"tag-{number}-of-the-caller",
        "to_tag": "",
        "version": number,
        "by": "control-1",
    }
    for number, status in enumerate(["live", "closing", "quarantined"] * 3)
]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (40, "call-id status age"),
        (80, "call-id status age nodes set"),
        (200, "call-id status age nodes set from-tag to-tag version last by"),
    ],
)
def test_calls_have_what_matters_most_at_each_width(cells: int, names: str) -> None:
    _, heading, *lines = lines_of([Table("calls", OF_CALLS, CALLS)], Display(cells=cells))
    assert heading.split() == names.split()
    rows = lines[: len(CALLS)]
    assert all(len(row) <= cells for row in rows)
    assert len({row.split()[0] for row in rows}) == len(CALLS)
    assert [row.split()[1] for row in rows] == [call["status"] for call in CALLS]
    assert ("example.com" in rows[0]) == (cells != 40 or rows[0].split()[0].endswith("example.com"))


def test_a_state_is_told_by_its_word_and_by_colour_where_that_is_wanted() -> None:
    table = Table("", OF_CALLS, CALLS)
    plain = list(lines_of([table], Display(cells=200)))
    colourful = list(lines_of([table], Display(cells=200, colours=True)))
    assert not any("\x1b" in line for line in plain)
    assert "\x1b[31m\x1b[1mquarantined" in colourful[3]
    assert [on_screen(line, 200)[0].rstrip() for line in colourful] == plain


def test_without_rows_a_table_has_its_title_alone() -> None:
    assert list(lines_of([Table("0 nodes", OF_NODES, [])], Display(cells=80))) == ["0 nodes"]


async def test_the_first_rows_are_written_while_others_are_awaited(capsys: pytest.CaptureFixture[str]) -> None:
    more = asyncio.Event()

    async def rows() -> AsyncIterator[Row]:
        yield "first", "", 1
        await more.wait()
        yield "second", "", 2

    writing = asyncio.create_task(stream(COLUMNS, rows(), Display()))
    seen = ""
    async with asyncio.timeout(30):
        while "first" not in seen:
            await asyncio.sleep(0.01)
            seen += capsys.readouterr().out
    more.set()
    assert await writing == 2
    assert capsys.readouterr().out.split()[:2] == ["second", "2"]


@pytest.mark.parametrize("form", [Form.TABLE, Form.CSV])
async def test_many_rows_are_taken_as_they_are_written(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    ahead: list[int] = []
    written = 0

    class Paper:
        def write(self, text: str) -> None:
            nonlocal written
            written += text.count("\n")
            ahead.append(taken - written)

        def flush(self) -> None:
            pass

    async def rows() -> AsyncIterator[Row]:
        nonlocal taken
        for taken in range(1, 5001):
            yield str(taken), "", taken

    monkeypatch.setattr("sys.stdout", Paper())
    assert await stream(COLUMNS, rows(), Display(form)) == 5000
    assert max(ahead) <= 201
