"""[hep]: what is captured for Homer and the like, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rtp_relay.config import values
from rtp_relay.config.addresses import SocketAddress, collector_address
from rtp_relay.config.key_files import read_private
from rtp_relay.config.problems import ConfigFault, Wrong
from rtp_relay.config.values import Reader

EXPECTED = "a file with one line of 1 to 255 printable characters"


class CapturedKind(StrEnum):
    """What can be captured: messages of the doors, journal events, how media were."""

    SIP = "sip"
    NG = "ng"
    EVENTS = "events"
    QUALITY = "quality"


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class HepConfig:
    """[hep]: capturing, which there is where there are collectors. key: what key_file holds."""

    collectors: tuple[SocketAddress, ...] = field(default=(), metadata=_read_by(values.list_of(collector_address)))
    capture: tuple[CapturedKind, ...] = field(
        default=tuple(CapturedKind), metadata=_read_by(values.list_of(values.one_of(CapturedKind)))
    )
    capture_id: int = field(default=2001, metadata=_read_by(values.whole(0, most=2**32 - 1)))
    key_file: Path | None = field(default=None, metadata=_read_by(values.path))
    mask_keys: bool = field(default=True, metadata=_read_by(values.boolean))
    max_waiting: int = field(default=1000, metadata=_read_by(values.whole(1)))
    key: bytes = field(default=b"", repr=False)


def read_hep_key(path: Path) -> bytes:
    """Read what proves to collectors who captures. Raises Wrong, which never shows what the file holds."""
    key = read_private(path, EXPECTED).strip()
    if not key or len(key) > 255 or not key.decode("ascii", "replace").isprintable():
        raise Wrong(ConfigFault(f"{str(path)!r}, which holds something else", EXPECTED))
    return key
