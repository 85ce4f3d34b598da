"""Log lines in journald's own protocol: what a line has is a field, by which `journalctl` finds it.

A line is one datagram to journald's socket (systemd.io/JOURNAL_NATIVE_PROTOCOL), or a sealed file in memory where it is
too long for one. It never waits for journald: lines that find its queue full are lost, and the next one says how many.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from structlog.typing import EventDict, WrappedLogger

SOCKET = Path("/run/systemd/journal/socket")
IDENTIFIER = "rtp-relay"
PREFIX = "RTP_RELAY_"
"""What the names of our own fields begin with."""

LONGEST_NAME = 64
"""Characters that journald takes of a field's name."""

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_NOT_IN_NAMES = re.compile("[^A-Z0-9_]")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def is_read_from(stream: TextIO) -> bool:
    """Return whether journald reads what is written to a stream: JOURNAL_STREAM says so (systemd.exec(5))."""
    try:
        there = os.fstat(stream.fileno())
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def render(_logger: WrappedLogger, _method: str, line: EventDict) -> bytes:
    """Return a line as a datagram. A processor of structlog, the last one."""
    return b"".join(_field(name, value) for name, value in _fields(line))


def _fields(line: EventDict) -> Iterator[tuple[str, str]]:
    line.pop("timestamp", None)  # journald has its own
    event, trace = str(line.pop("event", "")), line.pop("exception", "")
    priority = _PRIORITIES.get(line.pop("level", "info"), _PRIORITIES["info"])
    said = {name: value if isinstance(value, str) else json.dumps(value, default=repr) for name, value in line.items()}
    words = [event, *(f"{name}={value!r}" if " " in value else f"{name}={value}" for name, value in said.items())]
    yield "MESSAGE", " ".join(words) + (f"\n{trace}" if trace else "")
    yield "PRIORITY", str(priority)
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield f"{PREFIX}EVENT", event
    for name, value in said.items():
        yield (PREFIX + _NOT_IN_NAMES.sub("_", name.upper()))[:LONGEST_NAME], value


def _field(name: str, value: str) -> bytes:
    """Return a field; one whose value has lines goes with its length (64 bits, little-endian)."""
    data = value.encode(errors="backslashreplace")
    if b"\n" not in data:
        return b"%b=%b\n" % (name.encode(), data)
    return b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(data)), data)


class JournaldLogger:
    """Sends what `render` makes. A logger that structlog wraps."""

    def __init__(self) -> None:
        self._path = str(SOCKET)
        self._lost = 0

    def msg(self, datagram: bytes) -> None:
        """Send a line."""
        if self._lost:
            lost = {"event": "log lines lost", "lost": self._lost, "level": "warning"}
            self._lost = 0 if self._send(render(None, "", lost)) else self._lost
        if not self._send(datagram):
            self._lost += 1

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg

    def _send(self, datagram: bytes) -> bool:
        """Return False if the line is lost."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            try:
                sock.sendto(datagram, self._path)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    return self._send_file(sock, datagram)
                # There is no journald that listens: what it would read of standard error may be read by others.
                print(datagram.decode(errors="backslashreplace").replace("\n", " "), file=sys.stderr)
        return True

    def _send_file(self, sock: socket.socket, datagram: bytes) -> bool:
        file = os.memfd_create(IDENTIFIER, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(file), "wb") as writable:
                writable.write(datagram)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", file))
            sock.sendmsg([], [rights], 0, self._path)
        except OSError:
            return False
        finally:
            os.close(file)
        return True


class JournaldHandler(logging.Handler):
    """Sends the records of the standard library's loggers, by the same logger."""

    def __init__(self, logger: JournaldLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        line = {"event": record.getMessage(), "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info:
            line["exception"] = logging.Formatter().formatException(record.exc_info)
        self._logger.msg(render(None, "", line))
