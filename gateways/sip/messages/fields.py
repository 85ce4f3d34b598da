"""The headers that every message must have, checked and read (RFC 3261 8.1.1, 16.3, 18.3, 20)."""

from __future__ import annotations

import re
from typing import NamedTuple

from sipmessage import Headers

from events.names import CallId, Tag
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.lines import TOKEN
from gateways.sip.messages.parameters import PARAMETERS, QUOTED, read_parameters
from gateways.sip.messages.text import remembered

MAX_CSEQ = 2**32 - 1
"""The highest number of a CSeq that is read. RFC 3261 8.1.1.5 has half of it; some peers begin anywhere."""

_NEEDED = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
_SINGLE = {
    name.lower(): name for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
}
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*+:"
_PARTY = re.compile(
    rf'(?:(?:{QUOTED}|[^"<>,;]*+)[ \t]*<[ \t]*{_SCHEME}[^\s<>"]++[ \t]*>|{_SCHEME}[^\s<>",;?]++)({PARAMETERS})[ \t;]*'
)
_CSEQ = re.compile(rf"([0-9]{{1,20}})[ \t]+({TOKEN})")
_NUMBER = re.compile("[0-9]{1,10}")
_ID = re.compile(r"[!-~]{1,1024}")


class MessageFault(Exception):
    """What is wrong with a message, and the code that says so."""

    def __init__(self, reason: str, code: int = 400) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class MessageFields(NamedTuple):
    """What was read; the tags are "" where there is none."""

    call_id: CallId
    from_tag: Tag
    to_tag: Tag
    cseq: int
    method: str


def read_fields(headers: CopyableHeaders, *, has_repeats: bool) -> MessageFields:
    """Check the headers that every message must have, and read them. has_repeats: a name has several lines.

    Raises MessageFault.
    """
    values = headers.firsts(_NEEDED)
    if not all(values):
        raise MessageFault(f"No {list(_NEEDED.values())[values.index('')]}")
    if has_repeats and (name := headers.repeated(_SINGLE)):
        raise MessageFault(f"More Than One {_SINGLE[name]}")
    _via, from_, to, call_id, cseq = values
    number, method = _read_cseq(cseq)
    if not 0 <= number <= MAX_CSEQ:
        raise MessageFault("Bad CSeq")
    if not _ID.fullmatch(call_id):
        raise MessageFault("Bad Call-ID")
    return MessageFields(CallId(call_id), Tag(_tag(from_, "From")), Tag(_tag(to, "To")), number, method)


@remembered
def _read_cseq(value: str) -> tuple[int, str]:
    """Return the number and the method; the number is -1 if the value cannot be read."""
    match = _CSEQ.fullmatch(value)
    return (int(match[1]), match[2]) if match else (-1, "")


def check_max_forwards(headers: Headers) -> None:
    """Check that Max-Forwards is a number, if it is there (RFC 3261 20.22). Raises MessageFault.

    One above 255 is let through: `gateways.sip.proxy.forwarding` brings it down.
    """
    _number(headers, "Max-Forwards")


def content_length(headers: Headers) -> int | None:
    """Return what Content-Length says, None if it is not there. Raises MessageFault."""
    return _number(headers, "Content-Length")


def _number(headers: Headers, name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    number = _read_number(text)
    if number < 0:
        raise MessageFault(f"Bad {name}")
    return number


@remembered
def _read_number(text: str) -> int:
    """Return a number, -1 if the text is none."""
    return int(text) if _NUMBER.fullmatch(text) else -1


def _tag(value: str, name: str) -> str:
    tag, wrong = _read_party(value)
    if wrong:
        raise MessageFault(wrong % name)
    return tag


@remembered
def _read_party(value: str) -> tuple[str, str]:
    """Return the tag of a From or To value, "" if it has none; and what is wrong with that header, "" for nothing."""
    match = _PARTY.fullmatch(value)
    if match is None:
        return "", "Bad %s"
    tag = read_parameters(match[1]).get("tag") or ""
    return tag, "Bad %s Tag" if tag and not _ID.fullmatch(tag) else ""
