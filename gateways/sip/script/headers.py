"""The headers of a message as scripts see them: texts by name, compact names and any case taken."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipmessage.message import COMPACT_FORMS

from gateways.sip.messages.incoming import Message
from gateways.sip.script.decisions import RoutingError
from gateways.sip.script.names import Named

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_FORBIDDEN = re.compile(r"[\r\n\0]")

KEPT = frozenset(("via", "route", "record-route", "max-forwards", "from", "to", "call-id", "cseq", "content-length"))
"""Headers that a script cannot change: the proxy and the dialog depend on them (RFC 3261 16.6)."""


class Headers(Named):
    """The headers of one message. A name's values are those of its lines, each as it was written."""

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a name."""
        value = self._message.headers.get(_long(name))
        return default if value is None else value

    def all(self, name: str) -> list[str]:
        """Return all values of a name, in their order."""
        return list(self._message.headers.getlist(_long(name)))

    def add(self, name: str, value: str) -> None:
        """Add a header after those of the same name. Raises RoutingError for one that the proxy sees to."""
        self._message.headers.setlist(*_checked(name, *self.all(name), value))

    def set(self, name: str, value: str) -> None:
        """Return a header this value alone. Raises RoutingError for one that the proxy sees to."""
        self._message.headers.setlist(*_checked(name, value))

    def remove(self, name: str) -> None:
        """Remove all headers of a name; none is no error. Raises RoutingError for one that the proxy sets itself."""
        self._message.headers.remove(_checked(name)[0])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._message.headers.get(_long(name)) is not None

    def __iter__(self) -> Iterator[str]:
        """Return the names, each once."""
        return iter(list(self._message.headers.keys()))


def checked_header(name: str, value: str) -> tuple[str, str]:
    """Return a header that is to stand in an answer. Raises RoutingError for one that cannot, or that others see to."""
    name, (value,) = _checked(name, value)
    return name, value


def checked_text(what: str, text: str) -> str:
    """Return a text that is to stand in a line of a message. Raises RoutingError if it would end the line."""
    if not isinstance(text, str) or _FORBIDDEN.search(text):
        raise RoutingError(f"{what}: expected one line of text, found {text!r}")
    return text.strip()


def _long(name: str) -> str:
    return COMPACT_FORMS.get(name.lower(), name)


def _checked(name: str, *values: str) -> tuple[str, list[str]]:
    name = _long(name)
    if not _TOKEN.fullmatch(name):
        raise RoutingError(f"{name!r} is no name of a header")
    if name.lower() in KEPT:
        raise RoutingError(f"{name} is looked after by the proxy; a script cannot change it")
    return name, [checked_text(name, value) for value in values]
