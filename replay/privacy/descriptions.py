"""Session descriptions without what says who the parties are."""

from __future__ import annotations

import re
from typing import Final

from replay.privacy.addresses import shown_text
from replay.privacy.users import ShowUser

NOTHING: Final = "-"
"""What RFC 8866 has where nothing is said (5.2, 5.3)."""

_LINE_END: Final = re.compile(r"(\r\n|\r|\n)")
_ORIGIN: Final = re.compile(r"\s*o\s*=", re.IGNORECASE)
_WORDS: Final = re.compile(r"(\s*[siuep]\s*=).*", re.IGNORECASE | re.DOTALL)
_CNAME: Final = re.compile(r"(\bcname:)(\S+)", re.IGNORECASE)
_URI: Final = re.compile(r"\b(?:sips?|tel)\s*:", re.IGNORECASE)
_OF_ORIGIN: Final = 5
"""So many words are in an origin after the user's name."""


def shown_description(sdp: str, show: ShowUser) -> str:
    """Return a session description: the name in its origin as shown, and without the texts that say whose it is.

    Spaces where SDP allows none are no way around: some peers read such lines all the same.
    """
    return "".join(_shown_line(part, show) for part in _LINE_END.split(sdp))


def _shown_line(line: str, show: ShowUser) -> str:
    origin = _ORIGIN.match(line)
    if origin is not None:
        return origin[0] + _shown_origin(line[origin.end() :], show)
    words = _WORDS.fullmatch(line)
    if words is not None:
        return words[1] + NOTHING
    named = _CNAME.sub(lambda found: found[1] + show(found[2]), line)
    return shown_text(named, show) if _URI.search(named) else named


def _shown_origin(value: str, show: ShowUser) -> str:
    """Return an origin's value; who is named there may have spaces in the name, which SDP does not allow."""
    parts = value.rsplit(maxsplit=_OF_ORIGIN)
    if len(parts) <= _OF_ORIGIN:
        return show(value)
    name, *rest = parts
    user = name.strip()
    return " ".join((user if user == NOTHING else show(user.partition("@")[0]), *rest))
