"""The command: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from events.redis import RedisJournal
from rtp_relay.cli.app import app
from tests.peers.redis_server import RedisServer

SILENT = """
[service]
state_dir = "{folder}/state"
[journal]
url = "redis://:a-secret@127.0.0.1:1/0"
[ng]
listen = []
[[nodes]]
name = "n1"
engine = "rtpproxy"
url = "unix:{folder}/nobody"
timeout = 0.1
[[nodes]]
name = "n2"
engine = "rtpengine"
url = "udp:nowhere.invalid:9"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text(SILENT.format(folder=tmp_path))
    path.chmod(0o644)
    return path


def examine(config: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", "-c", str(config), *words], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "a-secret" not in result.output
    return result.exit_code, result.stdout


def test_each_finding_is_told_with_how_to_mend_it(config: Path) -> None:
    code, text = examine(config)
    *lines, last = text.splitlines()
    assert code == 1
    assert f"wrong    files          the configuration {config} holds secrets, and anybody can read it" in lines
    assert f"                        → chmod o= {config}" in lines
    assert any(
        line.startswith("wrong    redis          redis://***@127.0.0.1:1/0 cannot be reached: ") for line in lines
    )
    silent = [line for line in lines if line.startswith("wrong    nodes")]
    assert ["n1 (rtpproxy at " in silent[0], "n2 (rtpengine at " in silent[1]] == [True, True]
    assert last.startswith("4 wrong, ")


def test_the_same_as_json(config: Path) -> None:
    code, text = examine(config, "--json", "--no-trial")
    document = json.loads(text)
    assert (code, document["ok"], document["wrong"]) == (1, False, 4)
    assert {finding["area"] for finding in document["findings"]} >= {"configuration", "files", "redis", "nodes"}
    assert all(bool(finding["mend"]) == (finding["verdict"] != "ok") for finding in document["findings"])


def test_a_configuration_that_cannot_be_read_is_all_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[ng]\nlisten = 3\n[journal]\nurl = 4\n")
    code, text = examine(tmp_path / "c.toml")
    assert code == 1
    assert text.count("wrong    configuration") == 2
    assert text.splitlines()[-1] == "2 wrong, 0 warnings"


def examine_with(url: str, config: Path) -> tuple[int, str]:
    """Return what is said where the journal is at another URL."""
    config.write_text(config.read_text().replace("redis://:a-secret@127.0.0.1:1/0", url))
    return examine(config, "--json", "--no-trial")


@pytest.mark.e2e
async def test_a_table_of_the_journal_that_is_none_is_named(config: Path) -> None:
    async with RedisServer() as server, server.client() as client:
        await (await RedisJournal.open(server.url)).close()
        await client.set("rtp-relay:{7}:due", "no table")
        code, text = await asyncio.to_thread(examine_with, server.url, config)
    assert code == 1
    (told,) = [one for one in json.loads(text)["findings"] if "rtp-relay:{7}:due" in one["what"]]
    assert (told["area"], told["verdict"]) == ("redis", "wrong")
    assert "rtp-relay verify --repair" in told["mend"]
