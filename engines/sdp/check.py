"""Whether a body is a session description at all, as a relay must find it before it reads on.

No more is asked than what any reader needs, so that what a relay may make sense of is left to it: lines of the form
`<type>=<value>`, none of them blank but at the end, of which the first is v=, an m= line that says medium, port,
transport and format, a c= line that says network, family and address, and no second c= line in the session part (RFC
8866 section 5). Of what is not so, relays and phones read different things: one ends at a blank line, another goes on.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import takewhile

from engines.sdp.lines import STRAY_CR, Line, SdpError, split_lines

_PORTS = re.compile(rb"[0-9]{1,5}(/[0-9]{1,5})?")
_LEAST_FIELDS = {b"m": 4, b"c": 3, b"o": 6}
_MAX_LINE = 8192

_TEXT = rb".*+\n"
_WORD = rb"\S++"
_OTHER = rb"[abd-lnp-zA-Z]=" + _TEXT
_ORIGIN = rb"o=" + _WORD + rb"(?: " + _WORD + rb"){5}" + _TEXT
_CONNECTION = rb"c=" + _WORD + rb" " + _WORD + rb" " + _WORD + _TEXT
_MEDIUM = rb"m=" + _WORD + rb" (?:[0-9]{1,4}|[1-5][0-9]{4}) " + _WORD + rb" " + _WORD + _TEXT
_ANY = b"|".join((_OTHER, _CONNECTION, _ORIGIN))
_USUAL = re.compile(
    rb"v=0\r?\n(?:%(own)s)*+(?:%(connection)s)?(?:%(own)s)*+(?:%(medium)s(?:%(any)s)*+)++"
    % {b"own": _OTHER + b"|" + _ORIGIN, b"connection": _CONNECTION, b"medium": _MEDIUM, b"any": _ANY}
)
"""What nearly all session descriptions are like, but for NUL bytes and stray CRs. Others may still be some."""


def check(body: bytes) -> None:
    """Raise SdpError, which names the line, if the body is no session description."""
    if not _is_usual(body):
        check_lines(body)


@lru_cache(maxsize=128)  # the door asks, then the flow, with what came between
def _is_usual(body: bytes) -> bool:
    if len(body) > _MAX_LINE or b"\0" in body or STRAY_CR.search(body) is not None:
        return False
    return _USUAL.fullmatch(body) is not None


def check_lines(body: bytes) -> None:
    """Do what `check` does, line by line."""
    lines = list(split_lines(body))
    if not lines:
        raise SdpError("line 1: an empty body, not an SDP")
    if lines[0].type != b"v" or lines[0].value.strip() != b"0":
        raise lines[0].error("an SDP begins with v=0")
    _check_places(lines)
    for line in lines:
        _check_line(line)
    session = list(takewhile(lambda line: line.type != b"m", lines))
    if len(session) == len(lines):
        raise SdpError(f"line {lines[-1].number}: no m= line in it")
    connections = [line for line in session if line.type == b"c"]
    if len(connections) > 1:
        raise connections[1].error("a second c= line for the session")


def _check_places(lines: list[Line]) -> None:
    """Raise SdpError where a line that is skipped, since it is blank, stands before another one."""
    at = 0
    for line in lines:
        if line.start != at:
            raise SdpError(f"line {line.number - 1}: blank, with another line after it")
        at = line.end


def _check_line(line: Line) -> None:
    if b"\0" in line.text:
        raise line.error("a NUL byte")
    if len(line.text) > _MAX_LINE:
        raise line.error(f"longer than {_MAX_LINE} bytes")
    least = _LEAST_FIELDS.get(line.type, 0)
    if least and len(line.fields()) < least:
        raise line.error(f"fewer than {least} words in a {line.type.decode()}= line")
    if line.type == b"m":
        port = line.fields()[1].text
        if not _PORTS.fullmatch(port) or int(port.partition(b"/")[0]) > 65535:
            raise line.error("not a port from 0 to 65535")
