"""What `rtp-relay reconcile` writes: a line for each session, which no terminal acts on."""

from __future__ import annotations

import csv
import io

import pytest

from events.names import CallId, NodeName, RelayId
from rtp_relay.audit.findings import Asked, Findings, Ghost, Orphan
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.reconcile_report import show

ONE, OTHER = NodeName("relay-1"), NodeName("relay-2")

FINDINGS = Findings(
    asked=[
        Asked(node=ONE, listed=3, whole=True),
        Asked(node=OTHER, why="did not\nanswer"),
        Asked(node=NodeName("relay-3"), listed=500),
        Asked(node=NodeName("relay-4")),
    ],
    orphans=[
        Orphan(node=ONE, relay_id=RelayId("left\x1b[2J"), ours=True, call_id=CallId("ended"), age=192_000, fixed=True),
        Orphan(node=ONE, relay_id=RelayId("stranger"), ours=False),
    ],
    ghosts=[Ghost(node=OTHER, relay_id=RelayId("lost"), call_id=CallId("live"))],
    checked=7,
)


@pytest.mark.parametrize("cells", [40, 80, 200])
def test_findings_are_one_line_each(capsys: pytest.CaptureFixture[str], cells: int) -> None:
    show(FINDINGS, Display(cells=cells))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["relay-1", "relay-2", "relay-3", "relay-4"]
    assert lines[1] == "relay-2: not compared: did not\\nanswer"
    assert lines[4].split()[:3] == ["finding", "session", "node"]
    assert [line.split()[0] for line in lines[5:8]] == ["orphan", "not", "ghost"]
    assert all(len(line) <= cells for line in lines[4:8])
    assert lines[5].split()[1] == "left\\x1b[2J"
    assert lines[-1] == "1 orphans, 1 ghosts, 1 sessions of others; 7 sessions asked for by name"
    assert lines[5].split()[-1] == "deleted"


def test_findings_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    show(FINDINGS, Display(Form.CSV))
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["finding"], row["session"], row["call"], row["silent"], row["done"]) for row in rows] == [
        ("orphan", "left\\x1b[2J", "ended", "192.000", "deleted"),
        ("not ours", "stranger", "", "", ""),
        ("ghost", "lost", "live", "", ""),
    ]


def test_nothing_found_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(Findings(asked=[Asked(node=ONE, listed=0, whole=True)]), Display(cells=80))
    assert capsys.readouterr().out.splitlines() == [
        "relay-1: it holds 0 sessions",
        "0 orphans, 0 ghosts, 0 sessions of others; 0 sessions asked for by name",
    ]
