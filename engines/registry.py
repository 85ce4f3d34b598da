"""The kinds of relay that there are, by the name that a configuration gives them.

A new kind is registered here, by its name in EngineName and an instance of it among the kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from engines.kind import RelayKind
from engines.mediaproxy.kind import MediaproxyKind
from engines.route.kind import RouteKind
from engines.rtpengine.kind import RtpengineKind
from engines.rtpproxy.kind import RtpproxyKind
from engines.sdp.tcp import TcpStreams
from engines.sets import NodeSpec


class EngineName(StrEnum):
    """The names that configurations can give."""

    RTPENGINE = "rtpengine"
    RTPPROXY = "rtpproxy"
    MEDIAPROXY = "mediaproxy"


_CONFIGURED: Mapping[str, Callable[[TcpStreams], RelayKind]] = {
    EngineName.RTPENGINE: RtpengineKind,
    EngineName.RTPPROXY: RtpproxyKind,
    EngineName.MEDIAPROXY: MediaproxyKind,
}
"""The kinds whose nodes have settings of their own."""

_KINDS: tuple[RelayKind, ...] = (RtpengineKind(), RtpproxyKind(), MediaproxyKind(), RouteKind())

KINDS: Mapping[str, RelayKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""One entry a kind."""


def kind_at(node: NodeSpec) -> RelayKind:
    """Return the kind of a node, with what is configured for that node. Raises LookupError if there is none."""
    make = _CONFIGURED.get(node.engine)
    return make(node.tcp_streams) if make is not None else kind_of(node.engine)


def kind_of(engine: str) -> RelayKind:
    """Return the kind with that name. Raises LookupError if there is none."""
    try:
        return KINDS[engine]
    except KeyError:
        raise LookupError(f"no relay kind {engine!r}; there are {', '.join(sorted(KINDS))}") from None
