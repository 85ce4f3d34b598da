"""The headers that every message must have, checked and read (RFC 3261 8.1.1, 16.3, 18.3, 20)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gateways.sip.messages.lines import TOKEN
from gateways.sip.messages.parameters import PARAMETERS, QUOTED, read_parameters

Known: TypeAlias = Mapping[str, Sequence[str]]
"""The values of headers, by their long names in lower case."""

MAX_CSEQ = 2**32 - 1
"""The highest number of a CSeq that is read. RFC 3261 8.1.1.5 has half of it; some peers begin anywhere."""

_NEEDED = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
_SINGLE = {
    "from": "From",
    "to": "To",
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "max-forwards": "Max-Forwards",
    "content-length": "Content-Length",
    "content-type": "Content-Type",
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

    call_id: str
    from_tag: str
    to_tag: str
    cseq: int
    method: str


def read_fields(known: Known) -> MessageFields:
    """Check the headers that every message must have, and read them. Raises Fault."""
    for key, name in _NEEDED.items():
        if key not in known or not known[key][0]:
            raise MessageFault(f"No {name}")
    for key, name in _SINGLE.items():
        if key in known and len(known[key]) > 1:
            raise MessageFault(f"More Than One {name}")
    cseq = _CSEQ.fullmatch(known["cseq"][0])
    if cseq is None or int(cseq[1]) > MAX_CSEQ:
        raise MessageFault("Bad CSeq")
    if not _ID.fullmatch(call_id := known["call-id"][0]):
        raise MessageFault("Bad Call-ID")
    return MessageFields(call_id, _tag(known["from"][0], "From"), _tag(known["to"][0], "To"), int(cseq[1]), cseq[2])


def check_max_forwards(known: Known) -> None:
    """Check that Max-Forwards is a number, if it is there (RFC 3261 20.22). Raises Fault.

    One above 255 is let through: `gateways.sip.proxy.forwarding` brings it down.
    """
    _number(known, "max-forwards", "Max-Forwards")


def content_length(known: Known) -> int | None:
    """Return what Content-Length says, None if it is not there. Raises Fault."""
    return _number(known, "content-length", "Content-Length")


def _number(known: Known, key: str, name: str) -> int | None:
    if key not in known:
        return None
    if not _NUMBER.fullmatch(text := known[key][0]):
        raise MessageFault(f"Bad {name}")
    return int(text)


def _tag(value: str, name: str) -> str:
    match = _PARTY.fullmatch(value)
    if match is None:
        raise MessageFault(f"Bad {name}")
    tag = read_parameters(match[1]).get("tag") or ""
    if tag and not _ID.fullmatch(tag):
        raise MessageFault(f"Bad {name} Tag")
    return tag
