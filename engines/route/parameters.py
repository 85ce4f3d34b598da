"""What the user's callables are given: for each route the parameters that OpenSIPS' `rtp_relay` documents (1.5).

Optional ones are absent where they are not set. Texts are `str`, as SIP messages have them. `branch` is the branch's
index, -1 if the relay is engaged for all branches. `body` is what OpenSIPS' routes take from the message or its
override: there is no message here, so an offer's and an answer's is always given, and a delete has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NotRequired, TypeAlias, TypedDict

from engines.ng.bencode import NgDict, NgValue, decode, encode
from events.names import CallId, Tag
from events.verb import Verb


class Route(StrEnum):
    """The routes. The values are the operations' verbs; `copy` ones are about copies of a call's media."""

    OFFER = Verb.OFFER
    ANSWER = Verb.ANSWER
    DELETE = Verb.DELETE
    COPY_OFFER = Verb.COPY_OFFER
    COPY_ANSWER = Verb.COPY_ANSWER
    COPY_DELETE = Verb.COPY_DELETE


class CallParameters(TypedDict):
    """What every route is given. `node` is what the offer's callable returned to know the session by."""

    callid: CallId
    from_tag: Tag
    to_tag: NotRequired[str]
    branch: int
    set: str
    node: NotRequired[str]


_MediaOptions = TypedDict(
    "_MediaOptions",
    {
        "body": bytes,
        "ip": NotRequired[str],
        "type": NotRequired[str],
        "in-iface": NotRequired[str],
        "out-iface": NotRequired[str],
        "ctx-flags": NotRequired[str],
        "flags": NotRequired[str],
        "peer": NotRequired[str],
    },
)

_DeleteOptions = TypedDict(
    "_DeleteOptions", {"body": NotRequired[bytes], "ctx-flags": NotRequired[str], "delete": NotRequired[str]}
)

_CopyOptions = TypedDict("_CopyOptions", {"flags": NotRequired[str], "copy-ctx": NotRequired[str]})


class OfferParameters(CallParameters, _MediaOptions):
    """What the callable of an offer is given."""


class AnswerParameters(CallParameters, _MediaOptions):
    """What the callable of an answer is given: the tags are those of its offer."""


class DeleteParameters(CallParameters, _DeleteOptions):
    """What the callable of a delete is given. `delete` has the flags of the context and of the legs."""


class CopyOfferParameters(CallParameters, _CopyOptions):
    """What the callable that begins a copy is given."""


class CopyAnswerParameters(CallParameters, _CopyOptions):
    """What the callable is given that gets the recorder's SDP."""

    body: bytes


class CopyDeleteParameters(CallParameters, _CopyOptions):
    """What the callable that ends a copy is given."""

    body: NotRequired[bytes]


Parameters: TypeAlias = dict[str, Any]
"""One of the above, whichever the route has."""

PARAMETERS: Mapping[Route, frozenset[str]] = MappingProxyType(
    {
        Route.OFFER: frozenset(OfferParameters.__annotations__),
        Route.ANSWER: frozenset(AnswerParameters.__annotations__),
        Route.DELETE: frozenset(DeleteParameters.__annotations__),
        Route.COPY_OFFER: frozenset(CopyOfferParameters.__annotations__),
        Route.COPY_ANSWER: frozenset(CopyAnswerParameters.__annotations__),
        Route.COPY_DELETE: frozenset(CopyDeleteParameters.__annotations__),
    }
)
"""The names of each route's parameters."""


@dataclass(frozen=True, slots=True)
class RouteCall:
    """A callable that is to be called. `session` is the id of the session that it is about."""

    route: Route
    session: str
    parameters: Parameters

    def to_bytes(self) -> bytes:
        """Write it as a command to the node."""
        parameters: NgDict = {name.encode(): _written(value) for name, value in self.parameters.items()}
        return encode({b"route": self.route.encode(), b"session": _written(self.session), b"parameters": parameters})

    @classmethod
    def from_bytes(cls, command: bytes) -> RouteCall:
        """Read what `to_bytes` wrote. Raises ValueError for what cannot be read."""
        read: Any = decode(command)
        parameters = {name.decode(): _read(name, value) for name, value in read[b"parameters"].items()}
        return cls(Route(read[b"route"].decode()), _text(read[b"session"]), parameters)


def _written(value: str | bytes | int) -> NgValue:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _read(name: bytes, value: bytes | int) -> str | bytes | int:
    return value if isinstance(value, int) or name == b"body" else _text(value)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
