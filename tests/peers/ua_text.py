"""What a user agent reads in headers, as text: whatever is copied into a later message must be copied unchanged."""

from __future__ import annotations

import re

from sipmessage import URI, Headers

from tests.peers.ua_wire import Place

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_BRACKETED = re.compile(r"<[^>]*>")


def values(headers: Headers, name: str) -> list[str]:
    """Return all values of a header, those in one line split at their commas (RFC 3261 7.3.1)."""
    return [part for line in headers.getlist(name) for part in _split(line)]


def _split(line: str) -> list[str]:
    # Commas within quotes and angle brackets do not count: hide them, as long as they are looked for.
    hidden = _BRACKETED.sub(_hide, _QUOTED.sub(_hide, line))
    ends = [*(found.start() for found in re.finditer(",", hidden)), len(line)]
    starts = [0, *(end + 1 for end in ends)]
    return [line[start:end].strip() for start, end in zip(starts, ends, strict=False)]


def _hide(found: re.Match[str]) -> str:
    return "_" * len(found[0])


def uri_of(value: str) -> str:
    """Return the URI of a name-addr or addr-spec, as it is written."""
    bracketed = re.search(r"<([^>]*)>", _QUOTED.sub(_hide, value))
    return value[bracketed.start(1) : bracketed.end(1)] if bracketed else value.partition(";")[0].strip()


def parameter(value: str, name: str) -> str | None:
    """Return a parameter of a header value, outside of its URI; "" if it has no value, None if it is not there."""
    outside = _BRACKETED.sub("<>", _QUOTED.sub(_hide, value))
    found = re.search(rf";\s*{name}\s*(?:=\s*([^;\s]*))?\s*(?:;|$)", outside, re.IGNORECASE)
    return None if found is None else found[1] or ""


def tag_of(value: str) -> str:
    """Return the tag of a From or To value, "" if it has none."""
    return parameter(value, "tag") or ""


def branches_of(headers: Headers) -> list[str]:
    """Return the branches of all Vias, "" for one without."""
    return [parameter(via, "branch") or "" for via in values(headers, "Via")]


def sent_by(via: str) -> tuple[str, int]:
    """Return host (without brackets) and port of a Via value."""
    found = re.search(r"\s(\[[^\]]*\]|[^\s:;]+)(?::(\d+))?\s*(?:;|$)", via)
    if found is None:
        message = f"{via!r} is no Via"
        raise ValueError(message)
    return found[1].strip("[]"), int(found[2] or 5060)


def place_of(uri: str) -> Place:
    """Say where a numeric SIP URI sends one (RFC 3263 4: UDP, unless it says otherwise; 26.2.1 of RFC 3261: TLS)."""
    parsed = URI.parse(uri)
    transport = "tls" if parsed.scheme == "sips" else (parsed.parameters.get("transport") or "udp").lower()
    return Place(transport, parsed.host.strip("[]"), parsed.port or 5060)


def is_loose(route: str) -> bool:
    """Return whether a Route value is one of a loose router (RFC 3261 16.4)."""
    return ";lr" in uri_of(route).lower()
