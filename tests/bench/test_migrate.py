"""The bench of moves runs, prints what was asked for, and fails where no media flow. Figures are no test's business."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from bench.children import ROOT, FakeRelay, run_module
from bench.migrate import stage
from bench.migrate.measure import NoMedia, measure
from bench.migrate.options import Engine, Media, MoveOptions, Nat, Part
from bench.options import DeleteReply

pytestmark = pytest.mark.e2e

SMALL = ["--calls", "2", "--control", "2"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        run_module("bench.migrate", *SMALL, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def measured(*arguments: str) -> list[dict[str, Any]]:
    done = run("--json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {"cpu", "cores", "memory_gib", "system", "python", "load"} == set(document["machine"])
    runs: list[dict[str, Any]] = document["runs"]
    return runs


@pytest.mark.parametrize(
    ("engine", "media", "nats"),
    [(Engine.RTPENGINE, Media.SDES, (Nat.SYMMETRIC,)), (Engine.RTPPROXY, Media.PLAIN, (Nat.NONE, Nat.CONE))],
)
def test_calls_are_moved(engine: Engine, media: Media, nats: tuple[Nat, ...]) -> None:
    runs = measured(
        "--engines", engine, "--media", media, "--nats", ",".join(nats), "--parts", "planned,control,killed"
    )
    assert [(one["engine"], one["media"], one["nat"]) for one in runs] == [(engine, media, nat) for nat in nats]
    for one in runs:
        control, planned, killed = one["parts"]
        assert (control["part"], control["moved"]) == ("control", 0)
        assert (planned["part"], planned["moved"], planned["left"]) == ("planned", 2, 0)
        assert planned["used"]["messages"] >= 2 * 6
        assert planned["used"]["commands"] > 0
        assert (killed["part"], killed["moved"]) == ("killed", 2)
        assert 0 < killed["found"] * 1000 <= killed["noticed"]["silence"]["worst"]
        assert killed["noticed"]["lost_in_all"] > 0
        for part in one["parts"]:
            noticed = part["noticed"]
            assert noticed["lost_in_all"] < noticed["sent"]
            assert noticed["lost"]["median"] <= noticed["lost"]["p99"] <= noticed["lost"]["worst"]
            gone = {"relay-2"} if part is killed else set()
            assert {"service", "redis", "parties", "relay-1", "relay-2"} - gone == set(part["used"]["cpu"])


def test_only_what_is_asked_for_is_measured_and_tables_are_printed() -> None:
    done = run("--engines", "rtpengine", "--media", "plain", "--nats", "cone", "--parts", "planned", "--how", "singly")
    assert done.returncode == 0, done.stderr
    assert "rtpengine, plain, NAT cone: 2 calls" in done.stdout
    assert "planned" in done.stdout
    for other in ("rtpproxy", "sdes", "symmetric", "control", "killed"):
        assert other not in done.stdout


class Mute(FakeRelay):
    """A relay that takes all commands and carries nothing."""

    name = "rtpengine"

    @property
    def url(self) -> str:
        return f"udp:{self.address[0]}:{self.address[1]}"


async def test_calls_without_media_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "make_relay", lambda _engine, _ports: Mute(DeleteReply.SHORT))
    options = MoveOptions(
        engines=(Engine.RTPENGINE,), media=(Media.PLAIN,), nats=(Nat.NONE,), parts=(Part.CONTROL,), calls=2
    )
    with pytest.raises(NoMedia, match="no media flow in 2 calls"):
        await measure(options)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--engines", "freeswitch"), "freeswitch"),
        (("--nats", "none,double"), "double"),
        (("--media", "dtls"), "dtls"),
        (("--parts", "all"), "all"),
    ],
)
def test_what_cannot_be_measured_is_named(arguments: tuple[str, ...], named: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
