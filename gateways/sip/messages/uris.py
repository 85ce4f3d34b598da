"""URIs: the values that matter, and the text as it came, which a hop must not change."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote

from sipmessage import URI

from gateways.sip.messages import parameters
from gateways.sip.messages.parameters import TextParameters
from gateways.sip.messages.text import ERRORS, remembered

HOST = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})"
"""A name (also one that ends in a digit, or has underscores), an IPv4 address, or an IPv6 address in brackets."""

# What is not ASCII should be escaped; many do not, and a hop need not understand it. An empty parameter is none.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_ALL = r"[!#-:=A-~\x80-\U0010ffff]"
_USER = r"[!#-9;=?A-~\x80-\U0010ffff]"
_PARAMS = rf"((?:;(?:[!#-:A-~\x80-\U0010ffff]++(?:={_ALL}*+)?)?)*)"
_SIP = re.compile(rf"(?:({_USER}++)(?::({_USER}*+))?@)?({HOST})(?::(\d{{1,5}}))?{_PARAMS}(?:\?([!#-;=?-~]*+))?")
_TEL = re.compile(rf"([0-9A-Fa-f*#+().-]++){_PARAMS}")
_OPAQUE = re.compile(r"[!#-;=?-~\x80-\U0010ffff]++")
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PASSWORD_SAFE = "-_.!~*'()&=+$,"


class TextURI(URI):
    """A URI that `str()` gives as it was read. `headers` is what stands behind its question mark.

    One that `dataclasses.replace` makes of it has a text of its values, without headers. Of a URI of another scheme
    than sip, sips and tel, only the scheme and the text are known: its host is "", and it has no parameters.
    """

    text = ""
    headers = ""

    def __str__(self) -> str:
        return self.text or _text_of(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URI) and _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]


@remembered
def read_uri(text: str) -> TextURI:
    """Read a URI (RFC 3261 19.1.1, RFC 3966; of other schemes any). Raises ValueError."""
    match = _SCHEME.match(text)
    if match is None:
        raise ValueError("URI without a scheme")
    scheme = match.group().lower()
    if scheme == "tel":
        uri = _tel(text)
    elif scheme in ("sip", "sips"):
        uri = _sip(scheme, text)
    elif _OPAQUE.fullmatch(text, match.end() + 1):
        uri = TextURI(scheme=scheme, host="", parameters=parameters.NONE)
    else:
        raise ValueError("URI that cannot be read")
    object.__setattr__(uri, "text", text)
    return uri


def checked_host(host: str) -> str:
    """Return a host that HOST matches. Raises ValueError if it is in brackets and no IPv6 address."""
    if host.startswith("["):
        ipaddress.IPv6Address(host[1:-1])
    return host


def checked_port(port: str | None) -> int | None:
    """Return the number of a port, None if none is given. Raises ValueError if there is no such port."""
    if port is None:
        return None
    if not 0 < int(port) < 65536:
        raise ValueError("no such port")
    return int(port)


def _sip(scheme: str, text: str) -> TextURI:
    match = _SIP.fullmatch(text, len(scheme) + 1)
    if match is None:
        raise ValueError("URI that cannot be read")
    user, password, host, port, params, headers = match.groups()
    uri = TextURI(
        scheme=scheme,
        host=checked_host(host),
        user=_unescaped(user) if user else None,
        password=_unescaped(password) if password else None,
        port=checked_port(port),
        parameters=_parameters(params),
    )
    if headers:
        object.__setattr__(uri, "headers", headers)
    return uri


def _tel(text: str) -> TextURI:
    match = _TEL.fullmatch(text, 4)
    if match is None:
        raise ValueError("telephone number that cannot be read")
    number, params = match.groups()
    return TextURI(scheme="tel", host="", user=number, parameters=_parameters(params))


def _parameters(text: str) -> TextParameters:
    if not text:
        return parameters.NONE
    values: dict[str, str | None] = {}
    for piece in text[1:].split(";"):
        name, equals, value = piece.partition("=")
        if name:
            values.setdefault(_unescaped(name).lower(), _unescaped(value) if equals else None)
    return TextParameters(values, text)


def _unescaped(text: str) -> str:
    return unquote(text, errors=ERRORS)


def _text_of(uri: URI) -> str:
    if uri.scheme == "tel":
        return f"tel:{uri.user}{uri.parameters}"
    password = "" if uri.password is None else f":{quote(uri.password, _PASSWORD_SAFE, errors=ERRORS)}"
    user = "" if uri.user is None else f"{quote(uri.user, _USER_SAFE, errors=ERRORS)}{password}@"
    port = "" if uri.port is None else f":{uri.port}"
    return f"{uri.scheme}:{user}{uri.host}{port}{uri.parameters}"


def _values(uri: URI) -> tuple[object, ...]:
    opaque = "" if uri.host or uri.scheme == "tel" else str(uri)
    return uri.scheme, uri.host, uri.user, uri.password, uri.port, uri.parameters, opaque
