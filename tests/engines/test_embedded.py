"""The embedded relay: a real process each time."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.ids import id_on_node
from engines.kind import Operation
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from engines.rtpproxy.kind import RtpproxyKind
from events.names import CallId
from events.verb import Verb
from rtp_relay.embedded import relays
from rtp_relay.embedded.relays import EmbeddedRelay, EmbeddedRelayError, RelayProcess
from tests.engines.sdp_bodies import AUDIO
from tests.peers.datagram import DatagramSocket
from tests.peers.ports import HOST, PortBlock

pytestmark = pytest.mark.e2e


@pytest.fixture
def block() -> Iterator[PortBlock]:
    ports = PortBlock()
    ports.reserve()
    yield ports
    ports.release()


@pytest.fixture
def relay(tmp_path: Path, block: PortBlock) -> Iterator[EmbeddedRelay]:
    made = EmbeddedRelay(tmp_path, "relay-1", ports=block.rest())
    yield made
    made.stop()


def state(folder: Path) -> RelayProcess:
    return RelayProcess(**json.loads((folder / "relay-1.json").read_text()))


def test_it_is_started_found_again_and_stopped(relay: EmbeddedRelay, tmp_path: Path) -> None:
    url = relay.ensure()
    found = state(tmp_path)
    assert found.control == url
    assert found.answers()
    assert os.getsid(found.pid) == found.pid

    again = EmbeddedRelay(tmp_path, "relay-1")
    assert again.ensure() == url
    assert state(tmp_path) == found

    again.stop()
    assert not found.is_alive
    assert not found.answers()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recordings", "relay-1.log"]


async def test_what_it_records_stays_in_a_private_folder(relay: EmbeddedRelay, tmp_path: Path) -> None:
    """Whatever the call-id and the tags are, which a client makes."""
    host, _, port = relay.ensure().removeprefix("udp:").rpartition(":")
    kind = RtpproxyKind()
    names: NgDict = {b"from-tag": b"../../../ft", b"sdp": AUDIO}
    relay_id = id_on_node(CallId("../../escaped"), 1)
    async with DatagramSocket() as control:
        for verb in (Verb.OFFER, Verb.START_RECORDING):
            exchange = kind.perform(Operation(verb=verb, relay_id=relay_id, request=NodeRequest(names)))
            for number, command in enumerate(next(exchange)):
                control.send(b"%s%d %s" % (verb[:1].encode(), number, command), (host, int(port)))
                reply, _ = await control.received.get()
                assert not reply.split(b" ", 1)[1].startswith(b"E"), reply
    relay.stop()  # now at the latest they are where they belong
    folder = tmp_path / "recordings"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert {path.parent for path in files} == {folder}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in files} == {0}


def test_a_folder_for_recordings_that_others_can_read_is_refused(relay: EmbeddedRelay, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir(mode=0o755)
    (tmp_path / "recordings").chmod(0o755)
    with pytest.raises(EmbeddedRelayError, match=r"recordings: open to other users \(mode 755\)"):
        relay.ensure()


def test_it_outlives_a_parent_that_is_killed(tmp_path: Path, block: PortBlock) -> None:
    low, high = block.rest()
    program = (
        "import os, signal, sys; from pathlib import Path; from rtp_relay.embedded.relays import EmbeddedRelay;"
        f"EmbeddedRelay(Path(sys.argv[1]), 'relay-1', ports=({low}, {high})).ensure();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert parent.returncode == -signal.SIGKILL

    relay = EmbeddedRelay(tmp_path, "relay-1")
    found = state(tmp_path)
    try:
        assert found.is_alive
        assert relay.ensure() == found.control
        assert state(tmp_path) == found
    finally:
        relay.stop()
    assert not found.is_alive


def test_a_relay_that_was_killed_is_replaced(relay: EmbeddedRelay, tmp_path: Path) -> None:
    relay.ensure()
    first = state(tmp_path)
    os.kill(first.pid, signal.SIGKILL)

    relay.ensure()
    assert state(tmp_path).pid != first.pid
    assert state(tmp_path).answers()


def test_a_relay_that_hangs_is_replaced(relay: EmbeddedRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "ANSWER_TIMEOUT", 0.2)
    relay.ensure()
    first = state(tmp_path)
    os.kill(first.pid, signal.SIGSTOP)
    # Its threads go on, and may answer, until each has noticed; then the parent is told.
    os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WNOWAIT)

    relay.ensure()
    assert not first.is_alive
    assert state(tmp_path).answers()


def test_another_process_with_the_same_id_is_not_the_relay(relay: EmbeddedRelay, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        stale = {"pid": stranger.pid, "started": 1, "control": "udp:127.0.0.1:9"}
        (tmp_path / "relay-1.json").write_text(json.dumps(stale))

        assert relay.ensure() != "udp:127.0.0.1:9"
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": 1}', "\0"])
def test_a_broken_state_file_is_no_relay(relay: EmbeddedRelay, tmp_path: Path, content: str) -> None:
    (tmp_path / "relay-1.json").write_text(content)
    relay.ensure()
    assert state(tmp_path).answers()


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    relay = EmbeddedRelay(tmp_path, "relay-1", address="203.0.113.1")
    with pytest.raises(EmbeddedRelayError, match=r"--address: cannot use 203\.0\.113\.1"):
        relay.ensure()
    assert not (tmp_path / "relay-1.json").exists()


def child(folder: Path, *arguments: str, program: str = "") -> subprocess.Popen[bytes]:
    """Start the module as an operator would."""
    start = ["-c", program] if program else ["-m", "rtp_relay.embedded.relays"]
    return subprocess.Popen(
        [sys.executable, *start, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(relays.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_module_runs_until_a_signal_and_leaves_no_file(
    tmp_path: Path, block: PortBlock, number: signal.Signals
) -> None:
    control = f"udp:{HOST}:{block.take()}"
    low, high = block.rest()
    read, write = os.pipe()
    arguments = ["--control", control, "--address", HOST, "--ports", f"{low}-{high}"]
    with os.fdopen(read, "rb") as ready:
        process = subprocess.Popen(
            [sys.executable, "-m", "rtp_relay.embedded.relays", *arguments, "--ready-fd", str(write)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(relays.__file__).parents[2])},
            pass_fds=(write,),
        )
        os.close(write)
        assert ready.read(1) == b"\n"
    assert RelayProcess(process.pid, 0, control).answers()

    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_control_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        process = child(tmp_path, "--control", f"udp:{HOST}:{port}", "--address", HOST, "--ports", "20000-20100")
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert (
        errors
        == f"rtp_relay.embedded.relays: --control: cannot use {HOST} port {port}: Address already in use\n".encode()
    )


@pytest.mark.parametrize(
    ("control", "address", "ports", "message"),
    [
        ("tcp:127.0.0.1:1", HOST, "20000-20100", "'tcp:127.0.0.1:1' is not of the form udp:HOST:PORT"),
        ("udp:127.0.0.1:0", "host", "20000-20100", "'host' is not an IP address"),
        ("udp:127.0.0.1:0", HOST, "20100-20000", "--ports: '20100-20000' is not of the form MIN-MAX"),
    ],
)
def test_wrong_arguments_are_named(
    capsys: pytest.CaptureFixture[str], control: str, address: str, ports: str, message: str
) -> None:
    assert relays.main(["--control", control, "--address", address, "--ports", ports]) == 1
    assert capsys.readouterr().err.startswith(f"rtp_relay.embedded.relays: {message}")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    program = "import sys; sys.modules['rtp.io'] = None; from rtp_relay.embedded.relays import main; sys.exit(main())"
    arguments = ["--control", "udp:127.0.0.1:0", "--address", HOST, "--ports", "20000-20100"]
    process = child(tmp_path, *arguments, program=program)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith(b"rtp_relay.embedded.relays: the package rtp.io is missing: pip install rtp.io")
