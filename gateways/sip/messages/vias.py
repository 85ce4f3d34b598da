"""Via values (RFC 3261 20.42): read, and marked with where their request really came from."""

from __future__ import annotations

import re
from ipaddress import ip_address

from sipmessage import Headers, Via

from gateways.sip.addresses import Hop
from gateways.sip.messages.parameters import PARAMETERS, TextParameters, read_parameters
from gateways.sip.messages.uris import HOST, checked_host, checked_port
from gateways.sip.messages.values import cut_first, first_value, with_params

_VIA = re.compile(
    r"[Ss][Ii][Pp][ \t]*/[ \t]*[0-9]+\.[0-9]+[ \t]*/[ \t]*([A-Za-z0-9.!%*_+`'~-]+)[ \t]+"
    rf"({HOST})(?:[ \t]*:[ \t]*([0-9]{{1,5}}))?({PARAMETERS})[ \t]*"
)
_USUAL = re.compile(r"SIP/2\.0/([A-Z]++) ([A-Za-z0-9._-]{1,255})(?::([0-9]{1,5}))?((?:;[!#-+.-:=?-~-]++)*)")
"""What nearly all Vias are like, told at a fraction of the cost: no blanks, no quotes, a name or an IPv4 address."""

_MARKS = re.compile(r";\s*(?:(rport)|received)\s*(?:=\s*[^;\s]*)?(?=\s*(?:;|$))", re.IGNORECASE)
"""What the next hop writes into a Via; a quoted value that has the same in it is none of ours."""


def read_via(text: str) -> Via:
    """Read a single Via value; its parameters' names are in lower case. Raises ValueError."""
    match = _USUAL.fullmatch(text)
    values = None if match is None else _parameters(match[4])
    if match is None or values is None:
        return read_any_via(text)
    return Via(match[1], match[2], checked_port(match[3]), TextParameters(values, match[4]))


def _parameters(text: str) -> dict[str, str | None] | None:
    """Return the parameters of a usual Via, None if one of them is without a name."""
    values: dict[str, str | None] = {}
    for parameter in text.split(";")[1:]:
        name, assigned, value = parameter.partition("=")
        if not name:
            return None
        values.setdefault(name.lower(), value if assigned else None)
    return values


def read_any_via(text: str) -> Via:
    """Do what `read_via` does, for a Via in any form."""
    match = _VIA.fullmatch(text)
    if match is None:
        raise ValueError("Via that cannot be read")
    transport, host, port, params = match.groups()
    return Via(transport, checked_host(host), checked_port(port), read_parameters(params))


def top_via(headers: Headers) -> Via:
    """Read the top Via. Raises ValueError, also if there is none."""
    return read_via(first_value(headers, "Via"))


def top_branch(headers: Headers) -> str:
    """Read the branch of the top Via, "" if it has none. Raises ValueError as `top_via` does."""
    text = first_value(headers, "Via")
    match = _USUAL.fullmatch(text)
    values = None if match is None else _parameters(match[4])
    if match is None or values is None:
        return read_any_via(text).parameters.get("branch") or ""
    checked_port(match[3])
    return values.get("branch") or ""


def mark_source(headers: Headers, hop: Hop) -> Via:
    """Return the top Via its `received` and `rport` (RFC 3261 18.2.1, RFC 3581 4) and read it. Raises ValueError."""
    values = headers.getlist("Via")
    if not values:
        raise ValueError("no Via")
    text, rest = cut_first(values[0])
    via = read_via(text)
    wanted = _source_of(via, hop)
    if all(via.parameters.get(name) == value for name, value in wanted.items()):
        return via
    text = with_params(text, wanted)
    headers.setlist("Via", [f"{text}, {rest}" if rest else text, *values[1:]])
    params = TextParameters({**via.parameters, **wanted}, text[text.index(";") :])
    return Via(via.transport, via.host, via.port, params)


def unmarked(text: str) -> str:
    """Return a Via value as it was before `mark_source` at the next hop."""
    return _MARKS.sub(lambda found: ";rport" if found[1] else "", text)


def _source_of(via: Via, hop: Hop) -> dict[str, str | None]:
    host = hop.host.partition("%")[0]
    if "rport" in via.parameters:
        return {"received": host, "rport": str(hop.port)}
    if "received" in via.parameters or not _same_host(via.host, host):
        return {"received": host}
    return {}


def _same_host(sent_by: str, host: str) -> bool:
    if sent_by == host:
        return True
    try:
        return sent_by.startswith("[") and ip_address(sent_by[1:-1]) == ip_address(host)
    except ValueError:
        return False
