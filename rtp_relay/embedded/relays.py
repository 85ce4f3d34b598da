"""A relay for those who have none: rtpproxy, from the `rtp.io` package, in a process of its own.

`python -m rtp_relay.embedded.relays --control udp:127.0.0.1:22222 --address 127.0.0.1 --ports 20000-29999` runs one
until SIGTERM or SIGINT. `EmbeddedRelay` starts such a process so that it outlives its parent, as a real relay would,
and finds it again by a state file. Linux only: it asks /proc whether a process is still the one that it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path

from engines.private_folder import NotPrivateError, make_private

SESSION_TIMEOUT = 1800
"""Seconds without packets after which the relay ends a session by itself. A call on hold may send nothing; sessions
are removed by deletes, this is for those that nobody knows of any more."""

ANSWER_TIMEOUT = 2.0
"""Seconds in which a relay that is well answers a ping."""

KILL_TIMEOUT = 5.0
"""Seconds for the kernel to end a process that was killed."""

_TRIES = 5


class EmbeddedRelayError(Exception):
    """The relay does not start; the message says why."""


@dataclass(frozen=True, slots=True)
class RelayProcess:
    """What the state file holds: the process, when it started (in clock ticks since boot), and its control socket.

    The start tells the process from a later one with the same id.
    """

    pid: int
    started: int
    control: str

    @property
    def is_alive(self) -> bool:
        """Whether this very process runs."""
        return _start_of(self.pid) == self.started

    def answers(self) -> bool:
        """Whether it answers a ping."""
        host, port = _host_and_port(self.control)
        cookie = os.urandom(8).hex().encode()
        with socket.socket(_family(host), socket.SOCK_DGRAM) as client:
            client.settimeout(ANSWER_TIMEOUT)
            try:
                client.connect((host, port))
                client.send(cookie + b" V")
                return client.recv(512).startswith(cookie)
            except OSError:
                return False


class EmbeddedRelay:
    """One relay with its state file, `<name>.json`, and its log, `<name>.log`, in state_dir.

    address: where it takes media. ports: the lowest and the highest port for media; relays may share a range.
    recordings: where it records, a private folder, which is made; None for one of that name in state_dir. For the
    thread of a start-up: its methods block.
    """

    def __init__(
        self,
        state_dir: Path,
        name: str,
        *,
        address: str = "127.0.0.1",
        ports: tuple[int, int] = (20000, 29999),
        recordings: Path | None = None,
    ) -> None:
        self._state = state_dir / f"{name}.json"
        self._log = state_dir / f"{name}.log"
        self._address = address
        self._ports = ports
        self._recordings = recordings or state_dir / "recordings"
        self._child: subprocess.Popen[bytes] | None = None

    def ensure(self) -> str:
        """Return the control url of the relay, which is started unless it runs. Raises EmbeddedRelayError."""
        found = self._find()
        if found is not None and found.answers():
            return found.control
        self.stop(within=1.0)
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._make_recordings()
        for _ in range(_TRIES):  # the port chosen may be taken before the relay has it
            if self._spawn(f"udp:127.0.0.1:{_free_port()}"):
                break
        found = self._find()
        if found is None or not found.answers():
            raise EmbeddedRelayError(f"the embedded relay does not start: {self._last_words()}")
        return found.control

    def stop(self, within: float = 5.0) -> None:
        """End the relay, if it runs: politely, and by force after `within` seconds. Its calls lose their media."""
        found = self._find()
        if found is not None:
            _end(found, within)
        if self._child is not None:
            self._child.wait()
            self._child = None
        self._state.unlink(missing_ok=True)

    def _make_recordings(self) -> None:
        try:
            make_private(self._recordings)
        except NotPrivateError as error:
            raise EmbeddedRelayError(f"recordings: {error}") from error

    def _find(self) -> RelayProcess | None:
        """Return the process of the state file, if that still runs."""
        try:
            found = RelayProcess(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.is_alive else None

    def _spawn(self, control: str) -> bool:
        """Start the process, apart from ours, and wait until it is ready or has ended."""
        low, high = self._ports
        options = {"--control": control, "--address": self._address, "--ports": f"{low}-{high}"}
        read, write = os.pipe()
        with os.fdopen(read, "rb") as ready, self._log.open("wb") as log:
            arguments = {**options, "--state-file": str(self._state.absolute()), "--ready-fd": str(write)}
            arguments["--recordings"] = str(self._recordings.absolute())
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "rtp_relay.embedded.relays",
                    *(word for item in arguments.items() for word in item),
                ],
                cwd=self._state.parent,
                env={**os.environ, "PYTHONPATH": _python_path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write,),
                start_new_session=True,
            )
            os.close(write)
            if ready.read(1):
                return True
        self._child.wait()
        return False

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a relay until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rtp_relay.embedded.relays", description="Run rtpproxy from the rtp.io wheel."
    )
    parser.add_argument("--control", required=True, metavar="udp:HOST:PORT", help="the control socket")
    parser.add_argument("--address", required=True, help="the address for media")
    parser.add_argument("--ports", required=True, metavar="MIN-MAX", help="the ports for media")
    parser.add_argument("--recordings", type=Path, help="the folder to record into; without it nothing is recorded")
    parser.add_argument("--state-file", type=Path, help="where to say who and where this process is")
    parser.add_argument("--ready-fd", type=int, help="an open file that gets one byte when the relay is ready")
    given = parser.parse_args(arguments)
    try:
        options = _options(given.control, given.address, given.ports, given.recordings)
        return _run(options, given.control, given.state_file, given.ready_fd)
    except EmbeddedRelayError as error:
        print(f"rtp_relay.embedded.relays: {error}", file=sys.stderr, flush=True)
        return 1


def _run(options: list[str], control: str, state_file: Path | None, ready_fd: int | None) -> int:
    try:
        from rtp.io import rtpproxy  # noqa: PLC0415 - a program that uses no embedded relay needs no such package
    except ImportError as error:
        raise EmbeddedRelayError(f"the package rtp.io is missing: pip install rtp.io ({error})") from error
    os.umask(0o077)  # what it records is for nobody else
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a stream takes four sockets
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the relay's threads are there, which inherit it
    try:
        # No modules: the accounting one writes a file into the working directory.
        relay = rtpproxy(extra_args=options, modules=())
    except RuntimeError as error:
        raise EmbeddedRelayError(f"rtpproxy does not start with {' '.join(options)}: {error}") from error
    _announce(control, state_file, ready_fd)
    signal.sigwait(ends)
    if state_file is not None:
        state_file.unlink(missing_ok=True)
    del relay
    return 0


def _options(control: str, address: str, ports: str, recordings: Path | None) -> list[str]:
    """Return rtpproxy's own arguments. Raises EmbeddedRelayError for what cannot work, which rtpproxy says badly."""
    low, _, high = ports.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 1 <= int(low) < int(high) <= 65535):
        raise EmbeddedRelayError(f"--ports: {ports!r} is not of the form MIN-MAX, such as 20000-29999")
    host, port = _host_and_port(control)
    _check_free("--control", host, port)
    _check_free("--address", address, 0)
    listen = ["-6" if _family(address) is socket.AF_INET6 else "-l", address]
    limits = ["-m", low, "-M", high, "-T", str(SESSION_TIMEOUT)]
    recorded = ["-r", str(recordings)] if recordings is not None else []
    return ["-F", "-d", "WARN", *listen, *limits, *recorded, "-s", control]


def _announce(control: str, state_file: Path | None, ready_fd: int | None) -> None:
    """Write the state file, whole at any time, and tell that the relay is ready."""
    if state_file is not None:
        started = _start_of(os.getpid())
        assert started is not None
        new = state_file.with_suffix(".new")
        new.write_text(json.dumps(asdict(RelayProcess(os.getpid(), started, control))))
        new.replace(state_file)
    if ready_fd is not None:
        os.write(ready_fd, b"\n")
        os.close(ready_fd)


def _end(process: RelayProcess, within: float) -> None:
    """End a process that need not be our child. A pidfd names it, so no other process can be hit."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        for number, patience in ((signal.SIGTERM, within), (signal.SIGKILL, KILL_TIMEOUT)):
            if process.is_alive:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                poll.poll(patience * 1000)
    finally:
        os.close(handle)


def _start_of(pid: int) -> int | None:
    """Return when the process started (proc(5): stat, field 22); None if there is none, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may have spaces and parentheses
    return None if fields[0] in "ZX" else int(fields[19])


def _check_free(option: str, host: str, port: int) -> None:
    with socket.socket(_family(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EmbeddedRelayError(f"{option}: cannot use {host} port {port}: {error.strerror}") from error


def _host_and_port(control: str) -> tuple[str, int]:
    scheme, _, rest = control.partition(":")
    host, _, port = rest.rpartition(":")
    if scheme != "udp" or not port.isdecimal():
        raise EmbeddedRelayError(f"{control!r} is not of the form udp:HOST:PORT")
    return host, int(port)


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError as error:
        raise EmbeddedRelayError(f"{host!r} is not an IP address") from error


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _python_path() -> str:
    """Return the PYTHONPATH with which the child finds this package from another working directory."""
    here = str(Path(__file__).parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return f"{here}{os.pathsep}{inherited}" if inherited else here


if __name__ == "__main__":
    sys.exit(main())
