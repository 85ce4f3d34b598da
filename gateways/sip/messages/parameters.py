"""Parameters of URIs, Vias and other values, which keep the text they were read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from sipmessage import Parameters

from gateways.sip.messages.text import ERRORS

# Groups are not repeated possessively here and in the other patterns: Python before 3.11.5 gets that wrong
# (github.com/python/cpython/issues/101955). What is in them is, so that no search goes back and forth.
QUOTED = r'"(?:[^"\\]++|\\(?s:.))*"'
"""A quoted string (RFC 3261 25.1)."""

PARAMETERS = rf'(?:[ \t]*;[ \t]*[^\s;,="<>]++(?:[ \t]*=[ \t]*(?:{QUOTED}|[^\s;,"<>]*+))?)*'
"""Any number of parameters, each behind its semicolon. Their values may be empty, or what only Vias have: bare IPv6."""

_PARAMETER = re.compile(rf';[ \t]*([^\s;,="<>]++)([ \t]*=[ \t]*({QUOTED}|[^\s;,"<>]*+))?')
_QUOTED_PAIR = re.compile(r"\\((?s:.))")
_SAFE = "-_.!~*'()[]/:&+$"


class TextParameters(Parameters):
    """Parameters by their names in lower case. `str()` gives `text`, from which they were read."""

    def __init__(self, values: Mapping[str, str | None], text: str) -> None:
        self._values = values
        self._text = text

    def replace(self, **changes: str | None) -> TextParameters:
        """Return parameters with some set otherwise, whose text is as URIs have it."""
        values = {**self._values, **changes}
        return TextParameters(values, "".join(_written(name, value) for name, value in values.items()))

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override] # of no other types
        """Return the value of a name, `default` if it is not there."""
        return self._values.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> str | None:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        return self._text


NONE = TextParameters({}, "")
"""No parameters."""


def read_parameters(text: str) -> TextParameters:
    """Read the parameters of a text that PARAMETERS matches. The first of a name counts."""
    values: dict[str, str | None] = {}
    for name, assigned, value in _PARAMETER.findall(text):
        values.setdefault(name.lower(), unquoted(value) if assigned else None)
    return TextParameters(values, text)


def _written(name: str, value: str | None) -> str:
    return f";{_escaped(name)}" if value is None else f";{_escaped(name)}={_escaped(value)}"


def _escaped(text: str) -> str:
    return quote(text, _SAFE, errors=ERRORS)


def unquoted(text: str) -> str:
    """Return what a quoted string says; any other text as it is."""
    return _QUOTED_PAIR.sub(r"\1", text[1:-1]) if text.startswith('"') else text
