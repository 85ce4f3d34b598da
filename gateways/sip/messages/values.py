"""Header values as text: found, cut and changed, without writing anew what others wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sipmessage import Headers

from events.names import Tag
from gateways.sip.messages.parameters import unquoted
from gateways.sip.messages.text import remembered
from gateways.sip.messages.uris import TextURI, read_uri

# What is not closed takes all the rest, so that no text is gone through twice.
_QUOTED = r'"(?:[^"\\]++|\\(?s:.))*(?:"|\\?\Z)'
_BRACKETED = r"<[^>]*+(?:>|\Z)"
_VALUE = re.compile(rf'(?:[^,"<]++|{_QUOTED}|{_BRACKETED})*')
_PIECE = re.compile(rf'(?:[^;"]++|{_QUOTED})*')
_NAME_ADDR = re.compile(rf'(?:[^<"]++|{_QUOTED})*<([^>]*+)(?:>|\Z)')
_PLAIN = re.compile(r"[A-Za-z0-9.!%*_+`'~\[\]:-]+")


def split_values(values: Sequence[str]) -> list[str]:
    """Return the single values of header lines: commas part them, outside of quotes and angle brackets."""
    singles: list[str] = []
    for value in values:
        if "," in value:
            singles += [single for piece in _split(value, _VALUE) if (single := piece.strip())]
        elif value:
            singles.append(value)
    return singles


def first_value(headers: Headers, name: str) -> str:
    """Return the first single value of a name, "" if there is none."""
    for value in headers.getlist(name):
        if single := cut_first(value)[0]:
            return single
    return ""


def cut_first(value: str) -> tuple[str, str]:
    """Return the first single value of a header line, and the rest of the line behind its comma."""
    if "," not in value:
        return value.strip(), ""
    match = _VALUE.match(value)
    end = match.end() if match else 0
    return value[:end].strip(), value[end + 1 :].strip()


def take_first(headers: Headers, name: str) -> str:
    """Remove the first single value of a name and give it, "" if there is none."""
    values = list(headers.getlist(name))
    while values:
        single, rest = cut_first(values[0])
        values[:1] = [rest] if rest else []
        if single:
            break
    else:
        single = ""
    if values:
        headers.setlist(name, values)
    else:
        headers.remove(name)
    return single


def top_via_text(headers: Headers) -> str:
    """Return the top Via as text, "" if there is none."""
    return first_value(headers, "Via")


def uri_text(value: str) -> str:
    """Return the URI of a name-addr or addr-spec (RFC 3261 20.10), as it stands there."""
    match = _NAME_ADDR.match(value)
    return match[1].strip() if match else value.partition(";")[0].strip()


@remembered
def uri_of(value: str) -> TextURI:
    """Read the URI of a name-addr or addr-spec. Raises ValueError; a URI with headers needs its brackets, too."""
    uri = read_uri(uri_text(value))
    if uri.headers and "<" not in value:
        raise ValueError("URI with headers, but without brackets")
    return uri


def param_of(value: str, name: str) -> str | None:
    """Return a parameter of a value (not of the URI in it): "" if it stands without a value, None if not at all."""
    start = _end_of_address(value)
    if value.find(";", start) < 0:
        return None
    for piece in _split(value[start:], _PIECE):
        key, _, text = piece.partition("=")
        if key.strip().lower() == name:
            return unquoted(text.strip())
    return None


@remembered
def tag_of(value: str) -> Tag:
    """Return the tag of a From or To value, "" if it has none."""
    return Tag(param_of(value, "tag") or "")


def with_params(value: str, params: Mapping[str, str | None]) -> str:
    """Return a value with parameters set, in place of those of the same names; None for one without a value."""
    start = _end_of_address(value)
    pieces = [piece.strip() for piece in _split(value[start:], _PIECE)[1:]]
    kept = [piece for piece in pieces if piece and piece.partition("=")[0].strip().lower() not in params]
    return ";".join([value[:start].rstrip(), *kept, *(_param(name, text) for name, text in params.items())])


def without_params(value: str) -> str:
    """Return a value without its parameters (those of the URI in it are left)."""
    return value[: _end_of_address(value)].rstrip()


def _param(name: str, value: str | None) -> str:
    if value is None:
        return name
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{quoted}"'


def _end_of_address(value: str) -> int:
    match = _NAME_ADDR.match(value)
    if match:
        return match.end()
    semicolon = value.find(";")
    return len(value) if semicolon < 0 else semicolon


def _split(text: str, piece: re.Pattern[str]) -> list[str]:
    """Cut a text at the separators that `piece` stops at."""
    pieces: list[str] = []
    position = 0
    while position <= len(text):
        match = piece.match(text, position)
        end = match.end() if match else len(text)
        pieces.append(text[position:end])
        position = end + 1
    return pieces
