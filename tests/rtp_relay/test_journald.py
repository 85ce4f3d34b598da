"""Log lines as journald gets them."""

from __future__ import annotations

import array
import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import structlog

from rtp_relay import journald, logs
from rtp_relay.config import LogFormat, LogLevel


class FakeJournald:
    """Its socket, and what was sent to it."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sock.bind(str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def take(self) -> dict[str, str] | None:
        """Return the fields of the next line; None if there is none."""
        try:
            data, rights, _, _ = self._sock.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        except BlockingIOError:
            return None
        for _, _, passed in rights:
            with os.fdopen(array.array("i", passed)[0], "rb") as file:
                with pytest.raises(PermissionError):
                    os.truncate(file.fileno(), 0)
                file.seek(0)
                data = file.read()
        return fields(data)

    def all(self) -> list[dict[str, str]]:
        """Return the lines that are there."""
        found = []
        while (line := self.take()) is not None:
            found.append(line)
        return found


def fields(data: bytes) -> dict[str, str]:
    found = {}
    while data:
        head, _, data = data.partition(b"\n")
        name, has_value, value = head.partition(b"=")
        if not has_value:
            (length,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        found[name.decode()] = value.decode()
    return found


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJournald]:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "socket")
    with FakeJournald(journald.SOCKET) as there:
        yield there


def test_what_a_line_has_is_a_field(there: FakeJournald) -> None:
    logs.set_up(LogLevel.INFO, LogFormat.JOURNALD)
    structlog.get_logger().warning("offer failed", call_id="c1@x", why="no answer\nPRIORITY=0", tries=[1, 2])
    assert there.all() == [
        {
            "MESSAGE": "offer failed call_id=c1@x why='no answer\\nPRIORITY=0' tries='[1, 2]'",
            "PRIORITY": "4",
            "SYSLOG_IDENTIFIER": "rtp-relay",
            "RTP_RELAY_EVENT": "offer failed",
            "RTP_RELAY_CALL_ID": "c1@x",
            "RTP_RELAY_WHY": "no answer\nPRIORITY=0",
            "RTP_RELAY_TRIES": "[1, 2]",
        }
    ]


def test_levels_are_priorities_and_names_are_such_that_journald_takes(there: FakeJournald) -> None:
    logs.set_up(LogLevel.DEBUG, LogFormat.JOURNALD)
    log = structlog.get_logger()
    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(log, method)(method, **{"to-tag": "t", "x" * 80: b"\xff", "_lone": "\udc80"})
    lines = there.all()
    assert [line["PRIORITY"] for line in lines] == ["7", "6", "4", "3", "2"]
    assert set(lines[0]) - {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "RTP_RELAY_EVENT"} == {
        "RTP_RELAY_TO_TAG",
        "RTP_RELAY_" + "X" * 54,
        "RTP_RELAY__LONE",
    }


def test_a_traceback_and_lines_of_other_libraries_are_in_the_message(there: FakeJournald) -> None:
    logs.set_up(LogLevel.INFO, LogFormat.JOURNALD)
    try:
        raise ValueError("that")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("pykka").exception("unhandled %s", "thing")
    for line, said in zip(there.all(), ("failed\n", "unhandled thing logger=pykka\n"), strict=True):
        assert line["MESSAGE"].startswith(f"{said}Traceback")
        assert line["MESSAGE"].endswith("ValueError: that")
        assert line["PRIORITY"] == "3"


def test_a_line_too_long_for_a_datagram_comes_as_a_sealed_file(there: FakeJournald) -> None:
    logs.set_up(LogLevel.INFO, LogFormat.JOURNALD)
    structlog.get_logger().info("long", what="x" * 1_000_000)
    (line,) = there.all()
    assert line["RTP_RELAY_WHAT"] == "x" * 1_000_000


def test_a_journald_that_does_not_read_delays_nobody_and_hears_what_it_missed(there: FakeJournald) -> None:
    logs.set_up(LogLevel.INFO, LogFormat.JOURNALD)
    for number in range(1000):
        structlog.get_logger().info("line", number=number)
    got = there.all()
    assert 0 < len(got) < 1000
    structlog.get_logger().info("last")
    missed, last = there.all()
    assert (missed["RTP_RELAY_EVENT"], int(missed["RTP_RELAY_LOST"])) == ("log lines lost", 1000 - len(got))
    assert last["MESSAGE"] == "last"


def test_without_a_journald_lines_go_to_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "socket")
    logs.set_up(LogLevel.INFO, LogFormat.JOURNALD)
    structlog.get_logger().info("offered", call_id="c1")
    assert "MESSAGE=offered call_id=c1 " in capsys.readouterr().err


def test_it_is_chosen_where_journald_reads_standard_error(
    there: FakeJournald, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        stat = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        logs.set_up(LogLevel.INFO, LogFormat.AUTO, stream)
        structlog.get_logger().info("to the journal")
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino + 1}")
        logs.set_up(LogLevel.INFO, LogFormat.AUTO, stream)
        structlog.get_logger().info("to the file")
        assert "to the file" in (tmp_path / "stderr").read_text()
    assert [line["MESSAGE"] for line in there.all()] == ["to the journal"]
    assert not journald.is_read_from(io.StringIO())
