from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtp_relay.cli.app import app

run = CliRunner().invoke


def test_a_right_configuration(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("""
        [service]
        name = "control-1"
        [journal]
        url = "redis://:hunter2@h"
        [[nodes]]
        name = "a"
        engine = "rtpproxy"
        url = "udp:h:1"
    """)
    result = run(app, ["check", "-c", str(file)])
    assert result.exit_code == 0
    assert result.output == (
        f"{file}: ok\n"
        "control node control-1, relay nodes: 1, Redis as configured, ng on udp:127.0.0.1:2223 tcp:127.0.0.1:2223, "
        "sip on nothing\n"
    )
    as_json = run(app, ["check", "-c", str(file), "--json"])
    assert as_json.exit_code == 0
    assert json.loads(as_json.output) == {"file": str(file), "ok": True, "problems": [], "warnings": []}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", []),
        ('script = "route.py"', []),
        ('next_hop = "sip:192.0.2.20"', ["to the next hop"]),
        ('next_hop = "sip:192.0.2.20"\nallow = ["192.0.2.0/24"]', []),
        ('allow = ["192.0.2.0/24"]\nrelay_to = ["example.org"]', []),
        ('allow = ["0.0.0.0/0"]\nrelay_to = ["example.org"]', ["to what sip.relay_to names"]),
        ('allow = ["192.0.2.0/24", "::/0"]', ["to what sip.relay_to names"]),
    ],
)
def test_a_sip_door_that_is_open_to_the_world(tmp_path: Path, more: str, expected: list[str]) -> None:
    (tmp_path / "route.py").write_text("")
    file = tmp_path / "c.toml"
    file.write_text(f'[sip]\nlisten = ["udp:127.0.0.1:5060", "udp:0.0.0.0:5060"]\n{more}\n')
    warned = json.loads(run(app, ["check", "-c", str(file), "--json"]).output)["warnings"]
    assert [line.split(", ")[1].split(";")[0] for line in warned] == expected
    lines = run(app, ["check", "-c", str(file)]).stdout.splitlines()
    assert lines[2:] == [f"warning: {line}" for line in warned]
    file.write_text(file.read_text().replace(', "udp:0.0.0.0:5060"', ""))
    assert json.loads(run(app, ["check", "-c", str(file), "--json"]).output)["warnings"] == []


def test_no_configuration_is_right_too() -> None:
    result = run(app, ["check"], env={"RTP_RELAY_CONFIG": ""})
    assert result.exit_code == 0
    assert "embedded relays: 2, embedded Redis" in result.output
    assert json.loads(run(app, ["check", "--json"], env={"RTP_RELAY_CONFIG": ""}).output)["file"] is None


def test_every_problem_is_a_line_and_it_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'[service]\nmax_resident = "{"[red]" * 40}\\u001b[2J"\n[ng]\nreply_cache = 3\n')
    result = run(app, ["check", "-c", str(file)])
    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert [line.split(": found")[0] for line in lines] == [
        f"{file}:2: service.max_resident",
        f"{file}:4: ng.reply_cache",
    ]
    assert "\x1b" not in result.output


def test_problems_as_json(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[embedded]\nrelays = 0\n")
    result = run(app, ["check", "-c", str(file), "--json"])
    assert result.exit_code == 2
    problem = {
        "path": str(file),
        "line": 2,
        "key": "embedded.relays",
        "found": "0",
        "expected": "a whole number, 1 or more",
    }
    assert json.loads(result.stdout) == {"file": str(file), "ok": False, "problems": [problem], "warnings": []}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run(app, ["check", "-c", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "No such file or directory" in result.output
