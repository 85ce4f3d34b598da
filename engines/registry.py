"""The kinds of relay that there are, by the name that a configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engines.kind import RelayKind
from engines.rtpengine.kind import RtpengineKind
from engines.rtpproxy.kind import RtpproxyKind

_KINDS: tuple[RelayKind, ...] = (RtpengineKind(), RtpproxyKind())

KINDS: Mapping[str, RelayKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""One entry a kind; a new kind is registered by standing in the tuple above."""


def kind_of(engine: str) -> RelayKind:
    """Give the kind with that name. Raises LookupError if there is none."""
    try:
        return KINDS[engine]
    except KeyError:
        raise LookupError(f"no relay kind {engine!r}; there are {', '.join(sorted(KINDS))}") from None
