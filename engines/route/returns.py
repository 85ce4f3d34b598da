"""What the user's callables may return, and the ng reply that it comes to, encoded.

An offer: None, which leaves the SDP as it is; the new body; `(body, node)` with what the session is to be known by; or
a mapping with `body` and `node`. An answer: the same without `node`. The offer of a copy: the `copy-ctx` that the copy
is to be known by, or a mapping with `copy-ctx`, and `body` for an SDP to offer to the recorder. A tuple may begin with
the 1 that OpenSIPS' scripts return first. What the other routes return counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.ng.bencode import NgDict, encode
from engines.request import HANDLE
from engines.route.parameters import Route

_NAMES: Mapping[Route, tuple[str, ...]] = {
    Route.OFFER: ("body", "node"),
    Route.ANSWER: ("body",),
    Route.COPY_OFFER: ("copy-ctx", "body"),
}
"""What a route returns, in the order of a tuple."""

_KEYS = {"body": b"sdp", "node": HANDLE, "copy-ctx": b"copy-ctx"}
"""Where it stands in the ng reply."""


class BadReturn(Exception):
    """A callable returned something that means nothing; the message says what, and what was expected."""


def reply_to(route: Route, returned: object) -> bytes:
    """Return the ng reply for what a route's callable returned. Raises BadReturn."""
    reply: NgDict = {b"result": b"ok"}
    names = _NAMES.get(route)
    if names is None:
        return encode(reply)
    for name, value in _named(names, returned).items():
        if name not in names:
            raise BadReturn(f"returned {name!r}, which is not one of {', '.join(names)}")
        if value is not None:
            reply[_KEYS[name]] = _body(value) if name == "body" else _identifier(name, value)
    return encode(reply)


def failure(why: str) -> bytes:
    """Return the ng reply for a callable that came to nothing."""
    return encode({b"result": b"error", b"error-reason": why.encode("utf-8", "backslashreplace")})


def _named(names: tuple[str, ...], returned: object) -> Mapping[object, object]:
    match returned:
        case None:
            return {}
        case Mapping():
            return returned
        case tuple() | list():
            # bool is not meant by it, though True == 1.
            values = returned[1:] if returned and type(returned[0]) is int and returned[0] == 1 else returned
            if len(values) > len(names):
                raise BadReturn(f"returned {len(values)} values, expected at most {len(names)}: {', '.join(names)}")
            return dict(zip(names, values, strict=False))
        case _:
            return {names[0]: returned}


def _body(value: object) -> bytes:
    if not isinstance(value, str | bytes | bytearray):
        raise BadReturn(f"returned {type(value).__name__} as the body, expected str or bytes")
    if not value:
        raise BadReturn("returned an empty body; None leaves the SDP as it is")
    return _encoded(value) if isinstance(value, str) else bytes(value)


def _identifier(name: str, value: object) -> bytes:
    if isinstance(value, bool) or not isinstance(value, str | bytes | int):
        raise BadReturn(f"returned {type(value).__name__} as the {name}, expected str")
    return value if isinstance(value, bytes) else _encoded(str(value))


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise BadReturn(f"returned text that cannot be written as UTF-8: {error.reason}") from error
