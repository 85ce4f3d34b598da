"""The examples run, and print what they promise."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rtp_relay.assembly.embedded_nodes import end_all
from tests.peers.ports import PortBlock

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "python"
LONGEST = 60

OUTPUT: dict[str, Sequence[str]] = {
    "plain_call": (
        "INVITE: offer; send on c=IN IP4 127.0.0.1, m=audio ",
        "200: answer; send on c=IN IP4 127.0.0.1, m=audio ",
        "ACK: nothing; send on as it is",
        "BYE: nothing; send on as it is",
        "  1 relay engaged: rtpproxy, set default, for all branches",
        " 11 media measured: session 1",
        " 12 deleted: session 1, confirmed",
    ),
    "by_hand": (
        "for the callee: {'ip': '203.0.113.7', 'peer': 'o'}",
        "callee gets: c=IN IP4 203.0.113.7",
        "caller gets: c=IN IP4 127.0.0.1",
        "refused: the call is established",
        "session 1 is open on node relay-",
        "before that the established branch was None",
        "live: ['by-hand-",
        "deleted: b'ok'",
        "refused: Unknown call-id",
    ),
    "fork": (
        "branch 0 is offered: o=- 1 1 IN IP4 127.0.0.1, c=IN IP4 127.0.0.1",
        "branch 1 is offered: o=- 1 1 IN IP4 203.0.113.7, c=IN IP4 203.0.113.7",
        "183 on branch 0: answer, none",
        "sessions: br0 open, br1 open",
        "200 on branch 1: answer, established",
        "sessions: br0 closed, br1 open",
        "carol's: {'peer': 'o', 'ip': '203.0.113.7'}",
        "487 on branch 0: nothing, branch failed",
        "sessions: br0 closed, br1 closed",
    ),
    "late_offer": (
        "INVITE of the caller: nothing, it asks for an offer",
        "200 of the callee: offer, offer in 2xx to INVITE",
        "ACK of the caller: answer, answer in ACK",
        "INVITE of the callee: offer, offer in INVITE",
        "INVITE of the caller: illegal, ",
        "  refuse it with 491",
        "488 of the caller: nothing, rejected with 488",
        "bob's media go by port 5000",
        "BYE of the caller: nothing, BYE",
    ),
    "watch_events": (
        " 1 relay engaged: rtpproxy, set default, for all branches",
        " 4 answered: session 1, from-tag alice, to-tag bob",
        " 5 delete wanted: the whole call (session 1), Alice hung up",
        " 6 media measured: session 1",
        " 7 deleted: session 1, confirmed",
    ),
    "route_engine": (
        "offer of alice in set default, flags my-flag",
        "callee gets: c=IN IP4 203.0.113.7",
        "answer for my-session-1 of bob",
        "refused: route answer: answer raised ValueError: this answer takes no media",
        "caller gets: c=IN IP4 203.0.113.7",
        "delete of my-session-1, flags my-delete-flag",
    ),
    "move_call": (
        "not moved: The call was not answered yet",
        "waits for an offer: True",
        "migration intended: move 1 to rtpproxy, set default, leaves session 1, when it is offered something next",
        "migration completed: move 1: the call is in session 2",
    ),
    "copy_media": (
        "the recorder is offered 2 streams",
        "copies: recorder-1",
        "the recorder is offered 2 streams of another node",
        "copy offered: recorder-1",
        "copy answered: recorder-1",
        "copy moved: recorder-1 to session 2, media flow as its recorder answered last",
        "copy deleted: recorder-1, confirmed",
    ),
}
"""Parts of the lines that each example prints, in this order."""


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """Return a configuration with everything embedded, on ports of its own."""
    ports = PortBlock(200)
    ports.reserve()
    low, high = ports.rest()
    file = tmp_path / "rtp-relay.toml"
    file.write_text(f'[service]\nstate_dir = "state"\n[embedded]\nmedia_ports = "{low}-{high}"\n')
    try:
        yield file
    finally:
        end_all(tmp_path / "state")
        ports.release()


def test_all_examples_are_run() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == OUTPUT.keys()


@pytest.mark.e2e
@pytest.mark.parametrize("name", OUTPUT)
async def test_an_example_prints_what_it_promises(name: str, config: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        str(EXAMPLES / f"{name}.py"),
        str(config),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), LONGEST)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = printed.decode()
    assert process.returncode == 0, text
    lines = iter(text.splitlines())
    for part in OUTPUT[name]:
        assert any(part in line for line in lines), f"{part!r} is missing, or not in this order:\n{text}"
