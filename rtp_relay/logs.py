"""Logs: readable on a terminal, fields for journald, one JSON object a line otherwise; those of other libraries alike.

Tracebacks are written without the values of local variables, which can be session descriptions with keys.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from events.names import NO_NODE, CallId, NodeName
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.privacy.users import Shown
from rtp_relay import journald
from rtp_relay.bounded_rate import BoundedRate
from rtp_relay.config import LogFormat, LogLevel

_TEXTS = ("why", "what", "reason")
"""What lines tell under these keys is text."""

_NUMBERS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}
"""The levels by the names of the methods that log on them."""


def set_up(
    level: LogLevel, form: LogFormat, stream: TextIO | None = None, *, numbers: Numbers = ALL_SHOWN
) -> BoundedRate:
    """Send all logs of the process to `stream`, or to standard error.

    Loggers bound with `bounded=True` write at a bounded rate; call `report` of what is returned now and then, so that
    it is said what they left out. Numbers of parties are written as they may be shown.
    """
    stream = stream or sys.stderr
    if form is LogFormat.JOURNALD or (form is LogFormat.AUTO and journald.is_read_from(stream)):
        return _set_up_journald(level, numbers)
    console = form is LogFormat.CONSOLE or (form is LogFormat.AUTO and stream.isatty())
    render = _showing(numbers, _renderers(console, colors=stream.isatty()))
    _take_over(_formatting(stream, render))
    return _configure(level, render, structlog.WriteLoggerFactory(stream))


def _set_up_journald(level: LogLevel, numbers: Numbers) -> BoundedRate:
    logger = journald.JournaldLogger()
    _take_over(journald.JournaldHandler(logger))
    render: list[Processor] = [structlog.processors.format_exc_info, *_fields_showing(numbers), journald.render]
    return _configure(level, render, lambda *_: logger)


def _configure(level: LogLevel, render: list[Processor], factory: Callable[..., WrappedLogger]) -> BoundedRate:
    rate = BoundedRate()
    structlog.configure(
        processors=[_drop_unimportant, structlog.contextvars.merge_contextvars, rate, *_stamps(), *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    set_level(level)
    return rate


def set_level(level: LogLevel) -> None:
    """Write lines of this level and more important ones from here on, and no others."""
    logging.getLogger().setLevel(level.upper())


def get_level() -> LogLevel:
    """Return the level of the least important lines that are written."""
    return LogLevel(logging.getLevelName(logging.getLogger().level).lower())


def _drop_unimportant(_logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Return the line if the level of the root logger lets it through, or raise DropEvent."""
    if _NUMBERS[method] < logging.getLogger().level:
        raise structlog.DropEvent
    return line


def call_logger(call_id: CallId, *, node: NodeName = NO_NODE, version: int = 0) -> FilteringBoundLogger:
    """Return a logger whose lines carry the call, and its node and the version of its stream where these are known."""
    known = {"call_id": call_id, "node": node, "version": version}
    return cast("FilteringBoundLogger", structlog.get_logger(**{key: value for key, value in known.items() if value}))


def _stamps() -> list[Processor]:
    return [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]


def _renderers(console: bool, *, colors: bool) -> list[Processor]:
    if console:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=colors, repr_native_str=True, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _showing(numbers: Numbers, render: list[Processor]) -> list[Processor]:
    """Return what renders lines of text with numbers as they may be shown."""

    def rendered(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
        return numbers.uris(str(line))

    fields = _fields_showing(numbers)
    return [*fields, *render, rendered] if fields else render


def _fields_showing(numbers: Numbers) -> list[Processor]:
    """Return what shows numbers in the fields of a line as they may be.

    Texts that tell why or what have numbers of parties; elsewhere others are as long, such as a call-id's, and only
    those in URIs are known to be somebody's.
    """
    if numbers.shown is Shown.ALL:
        return []

    def shown(name: str, value: object) -> object:
        if isinstance(value, str):
            return numbers.text(value) if name in _TEXTS else numbers.uris(value)
        return numbers.uris(json.dumps(value, default=repr)) if isinstance(value, (dict, list, tuple)) else value

    def show(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        return {name: value if name == "exc_info" else shown(name, value) for name, value in line.items()}

    return [show]


def _formatting(stream: TextIO, render: list[Processor]) -> logging.Handler:
    """Return what writes records of the standard library's loggers as lines of ours."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_stamps()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    return handler


def _take_over(handler: logging.Handler) -> None:
    """Give the handler all records of the standard library's loggers (Pykka, redis, asyncio, warnings)."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
