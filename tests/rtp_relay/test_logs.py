from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from events.names import CallId, NodeName
from rtp_relay import logs
from rtp_relay.config import LogFormat, LogLevel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_when_there_is_no_terminal() -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.INFO, LogFormat.AUTO, stream)
    structlog.get_logger().info("offered", sdp=b"\xff")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "offered", "level": "info", "sdp": "b'\\xff'"}


def test_readable_on_a_terminal() -> None:
    stream = Terminal()
    logs.set_up(LogLevel.INFO, LogFormat.AUTO, stream)
    structlog.get_logger().warning("node down", node="relay-1\x1b[2J")
    assert "node down" in stream.getvalue()
    assert "relay-1\\x1b[2J" in stream.getvalue()


@pytest.mark.parametrize(("form", "is_json"), [(LogFormat.JSON, True), (LogFormat.CONSOLE, False)])
def test_the_form_can_be_chosen(form: LogFormat, is_json: bool) -> None:
    stream = Terminal() if is_json else io.StringIO()
    logs.set_up(LogLevel.INFO, form, stream)
    structlog.get_logger().info("offered")
    assert stream.getvalue().startswith("{") == is_json


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.WARNING, LogFormat.JSON, stream)
    structlog.get_logger().info("one")
    logging.getLogger("redis").info("two")
    structlog.get_logger().error("three")
    assert [line["event"] for line in lines(stream)] == ["three"]


def test_other_libraries_come_out_in_the_same_form() -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.DEBUG, LogFormat.JSON, stream)
    logging.getLogger("pykka").debug("Started %s", "an actor")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("Started an actor", "debug", "pykka")


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
def test_tracebacks_do_not_show_variables(form: LogFormat) -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.INFO, form, stream)
    secret = "hunter" + str(2)
    try:
        int("zero")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("asyncio").exception("failed too")
    assert stream.getvalue().count("ValueError: invalid literal") == 2
    assert secret not in stream.getvalue()


def test_lines_about_a_call_carry_what_is_known_of_it() -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.INFO, LogFormat.JSON, stream)
    logs.call_logger(CallId("c@example"), node=NodeName("relay-1"), version=3).info("offered")
    logs.call_logger(CallId("d@example")).info("refused")
    offered, refused = lines(stream)
    assert (offered["call_id"], offered["node"], offered["version"]) == ("c@example", "relay-1", 3)
    assert refused.keys() == {"event", "level", "timestamp", "call_id"}


def test_what_hostile_peers_cause_is_bounded() -> None:
    stream = io.StringIO()
    rate = logs.set_up(LogLevel.INFO, LogFormat.JSON, stream)
    log = structlog.get_logger(bounded=True, door="ng")
    for _ in range(1000):
        log.warning("garbage", client="192.0.2.1")
    structlog.get_logger().info("other")
    assert [line["event"] for line in lines(stream)] == ["garbage"] * 5 + ["other"]
    assert all("bounded" not in line for line in lines(stream))
    rate.report()
    assert len(lines(stream)) == 6


def test_lines_that_are_not_written_for_their_level_are_not_counted() -> None:
    stream = io.StringIO()
    logs.set_up(LogLevel.ERROR, LogFormat.JSON, stream)
    log = structlog.get_logger(bounded=True)
    for _ in range(10):
        log.info("garbage")
    log.error("garbage")
    assert len(lines(stream)) == 1
