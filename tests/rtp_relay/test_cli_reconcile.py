"""`rtp-relay reconcile`: what is refused before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from events.memory import MemoryJournal
from rtp_relay.cli.app import app
from rtp_relay.cli.exits import Exit
from tests.rtp_relay.cli_journal import use_journal

NODE = '[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "udp:127.0.0.1:9"\n'


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, nodes: str, *words: str) -> tuple[int, str]:
    async def fill(_: MemoryJournal) -> None:
        pass

    use_journal(monkeypatch, fill)
    (folder / "c.toml").write_text(f'[service]\nstate_dir = "{folder}"\n{nodes}')
    result = CliRunner().invoke(app, ["reconcile", "-c", str(folder / "c.toml"), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--node", "relya-1"), Exit.NOT_FOUND, "there is no node 'relya-1'; known ones: relay-1 (udp:127.0.0.1:9)"),
        (("--node", ""), Exit.USAGE, "it is empty"),
        (("--older-than", "inf"), Exit.USAGE, "--older-than: expected"),
        (("--older-than", "-1"), Exit.USAGE, "--older-than: expected"),
        (("--ids", "/"), Exit.USAGE, "--ids"),
        (("--prefix", ""), Exit.USAGE, "--prefix"),
    ],
)
def test_what_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], code: Exit, said: str
) -> None:
    found, text = run(monkeypatch, tmp_path, NODE, *words)
    assert found == code
    assert said in text


def test_that_there_is_nothing_to_ask_is_not_taken_for_good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, text = run(monkeypatch, tmp_path, "")
    assert code == Exit.USAGE
    assert "there is no relay node to ask" in text
