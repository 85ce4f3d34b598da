"""What keys do, and what is drawn: as wide and as long as the terminal, whatever there is to see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.control.documents import Document
from actors.control.status import NodeStatus
from engines.health import AdminState, NodeState
from events.ended import EndedCall, Outcome
from events.names import CallId
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.text import width
from rtp_relay.cli.top.gathering import NodeRow, Seen
from rtp_relay.cli.top.keys import keys_of
from rtp_relay.cli.top.rates import Rates, Recent
from rtp_relay.cli.top.screen import draw
from rtp_relay.cli.top.view import Decide, Mode, Pane, View, press

PLAIN = Display(cells=80)


def node(name: str, calls: int = 0) -> NodeRow:
    status = NodeStatus(
        name=name, engine="rtpproxy", url="udp:h:1", set="gold", weight=1, state=NodeState.UP, since=0, calls=calls
    )
    return NodeRow(status, Rates(failed=0.5))


def call(name: str, created: str = "2026-11-29T10:00:00.000Z") -> Document:
    rest = {
        "set": "gold",
        "sessions": [{"node": "n1", "id": "x"}],
        "from_tag": "a",
        "to_tag": "",
        "version": 1,
        "by": "c",
    }
    return {"call_id": name, "status": "live", "created": created, **rest}


SEEN = Seen(
    at=1_800_000_000_000,
    control_nodes=("c1",),
    nodes=(node("n1", 3), node("n2", 20), node("n3", 7)),
    calls=tuple(call(f"call-{number}") for number in range(50)),
    total=50,
    ladder=("      caller    control", *(f"{number} step" for number in range(30))),
)


def after(*keys: str, view: View | None = None, lines: int = 24) -> tuple[View, list[str], list[Decide]]:
    """Return the view after these keys, the screen then, and what was decided."""
    view, decided = view or View(), []
    for key in keys:
        view, decision = press(view, key, draw(view, SEEN, PLAIN, lines).listed)
        decided += [decision] if decision else []
    return view, list(draw(view, SEEN, PLAIN, lines).lines), decided


def selected(lines: list[str]) -> str:
    (line,) = [line for line in lines if line.startswith("\x1b[7m")]
    return line.split()[1]


def test_relays_come_first_and_a_selected_row_can_be_moved() -> None:
    assert selected(after()[1]) == "n1"
    assert selected(after("down", "j", "down")[1]) == "n3"
    assert selected(after("end", "k")[1]) == "n2"
    assert selected(after("tab", "page down")[1]) == "call-20"
    assert selected(after("tab", "end", "down", "home", "up")[1]) == "call-0"


def test_a_selected_row_stays_selected_wherever_it_moves() -> None:
    view, *_ = after("down")
    others = replace(SEEN, nodes=(node("n0"), *SEEN.nodes))
    assert selected(list(draw(view, others, PLAIN, 24).lines)) == "n2"
    gone = replace(SEEN, nodes=(node("n0"),))
    assert selected(list(draw(view, gone, PLAIN, 24).lines)) == "n0"
    assert draw(view, replace(SEEN, nodes=()), PLAIN, 24).listed.names == []


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ((), ["n1", "n2", "n3"]),
        (("r",), ["n3", "n2", "n1"]),
        (("s", "s", "s"), ["n1", "n3", "n2"]),
        (("s", "s", "s", "r"), ["n2", "n3", "n1"]),
    ],
)
def test_rows_are_sorted_by_any_column(keys: tuple[str, ...], order: list[str]) -> None:
    view, lines, _ = after(*keys)
    assert draw(view, SEEN, PLAIN, 24).listed.names == order
    assert [line.replace("\x1b[7m>", "").split()[0] for line in lines[3:6]] == order


def test_sorting_by_each_column_and_then_by_none() -> None:
    view = View()
    for _ in range(draw(view, SEEN, PLAIN, 24).listed.columns + 1):
        view = after("s", view=view)[0]
    assert view.sorted_by[Pane.NODES] is None


@pytest.mark.parametrize(("key", "state"), [("d", AdminState.DRAINING), ("e", AdminState.ACTIVE)])
def test_nothing_is_decided_without_a_yes(key: str, state: AdminState) -> None:
    view, lines, decided = after("down", key)
    assert (view.mode, decided) == (Mode.CONFIRM, [])
    assert lines[-1].startswith("drain n2?" if key == "d" else "enable n2?")
    assert after("down", key, "n")[2] == []
    assert after("down", key, "enter")[2] == []
    assert after("down", key, "y")[2] == [Decide("n2", state)]
    assert after("tab", key, "y")[2] == []


def test_only_rows_with_these_words() -> None:
    view, lines, _ = after("tab", "/", *"CALL-4 q", "backspace", "backspace")
    assert view.mode is Mode.FILTER
    assert lines[-1] == "/CALL-4_"
    assert draw(view, SEEN, PLAIN, 24).listed.names == ["call-4", *(f"call-4{digit}" for digit in range(10))]
    view, *_ = after("enter", view=view)
    assert (view.mode, view.words[Pane.CALLS]) == (Mode.LIST, "CALL-4")
    assert after("escape", view=view)[0].words[Pane.CALLS] == ""
    assert after("/", "escape", view=view)[0].words[Pane.CALLS] == ""


def test_a_relay_opens_its_calls_and_a_call_its_ladder() -> None:
    view, *_ = after("down", "enter")
    assert (view.pane, view.node) == (Pane.CALLS, "n2")
    view, lines, _ = after("down", "enter", view=view, lines=10)
    assert (view.mode, view.call) == (Mode.LADDER, "call-1")
    assert lines[1] == "call call-1"
    assert [line.split()[0] for line in lines[2:9]] == ["caller", "0", "1", "2", "3", "4", "5"]
    view, lines, _ = after("page down", "end", "up", view=view, lines=10)
    assert lines[3] == "23 step"
    view, *_ = after("escape", view=view)
    assert (view.mode, view.call, view.node) == (Mode.LIST, "", "n2")
    assert after("escape", view=view)[0].node == ""


def test_help_and_the_end() -> None:
    view, lines, _ = after("?")
    assert view.mode is Mode.HELP
    assert any("drain the relay" in line for line in lines)
    assert after("q", view=view)[0] == View()
    assert after("q")[0].over


TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["\x1b[2J", "漢字" * 30, "🇩🇪", "a\r\nb", "\u0301"]))


@given(
    names=st.lists(TEXTS, max_size=12, unique=True),
    cells=st.integers(3, 200),
    lines=st.integers(1, 40),
    keys=st.lists(
        st.sampled_from(["tab", "down", "enter", "s", "r", "/", "x", "escape", "d", "y", "?", "end"]), max_size=8
    ),
    trouble=TEXTS,
)
def test_the_screen_is_filled_and_never_more(
    names: list[str], cells: int, lines: int, keys: list[str], trouble: str
) -> None:
    nodes, calls = tuple(node(name) for name in names), tuple(call(name) for name in names)
    seen = replace(SEEN, nodes=nodes, calls=calls, control_nodes=tuple(names))
    view = View()
    for key in keys:
        view, _ = press(view, key, draw(view, seen, Display(cells=cells), lines).listed)
    drawn = draw(view, seen, Display(cells=cells), lines, trouble).lines
    assert len(drawn) == lines
    for line in drawn:
        text = line.replace("\x1b[7m", "").replace("\x1b[0m", "")
        assert text.isprintable()
        assert width(text) <= cells


def test_keys_have_names_and_nothing_else_comes_through() -> None:
    data = "\x1b[A\x1bOBq\x1b[5~\r\t\x7fé\x1b[200~漢\x1b".encode()
    assert list(keys_of(data)) == ["up", "down", "q", "page up", "enter", "tab", "backspace", "é", "漢", "escape"]


def test_rates_are_those_of_the_last_minute() -> None:
    recent = Recent(begun=0)
    one = EndedCall(call_id=CallId("1"), ended=1000, outcome=Outcome.FAILED, nodes=("n1",))
    two = EndedCall(
        call_id=CallId("2"), ended=2000, outcome=Outcome.ANSWERED, nodes=("n1", "n2"), packets=75, lost=25, mos=42
    )
    recent.add([one, two], 10_000)
    assert recent.of(10_000) == Rates(ended=0.2, failed=0.1, loss=25.0, mos=42.0)
    assert recent.of(10_000, "n2") == Rates(ended=0.1, loss=25.0, mos=42.0)
    recent.add([], 61_500)
    assert recent.of(61_500) == Rates(ended=1 / 60, loss=25.0, mos=42.0)
    recent.add([], 90_000)
    assert recent.of(90_000) == Rates()
