"""[events]: what of calls is told to others unasked, and what relays tell of it."""

from __future__ import annotations

import base64
import binascii
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from events.registry import EVENT_TYPES
from gateways.webhooks.messages import DTMF
from gateways.webhooks.signing import PREFIX
from rtp_relay.config import values
from rtp_relay.config.addresses import SocketAddress, only
from rtp_relay.config.key_files import read_private
from rtp_relay.config.problems import ConfigFault, Wrong, wrong
from rtp_relay.config.values import Reader

EXPECTED = "a file with a secret a line: base64 of 24 to 64 bytes, which may begin with whsec_"
SHORTEST, LONGEST = 24, 64

NAMES: Sequence[str] = (*sorted(each.name for each in EVENT_TYPES), DTMF)

USUAL = ("media timed out", "migration completed", "migration failed", "quarantined")
"""What is told where the configuration does not say what: what nobody has asked for."""


def event_name(value: object) -> str:
    """Read the name of an event of calls."""
    if isinstance(value, str) and value in NAMES:
        return value
    guess = difflib.get_close_matches(str(value), NAMES, n=1)
    raise wrong(value, f"the name of an event: did you mean {guess[0]!r}?" if guess else "the name of an event")


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsConfig:
    """[events]: webhooks, and notices of keys. webhook_secrets: what webhook_secret_file holds."""

    webhook: tuple[str, ...] = field(default=(), repr=False, metadata=_read_by(values.list_of(values.http_url)))
    webhook_events: tuple[str, ...] = field(default=USUAL, metadata=_read_by(values.list_of(event_name)))
    webhook_secret_file: Path | None = field(default=None, metadata=_read_by(values.path))
    webhook_give_up_after: float = field(default=3600.0, metadata=_read_by(values.seconds(0)))
    dtmf: SocketAddress | None = field(default=None, metadata=_read_by(only("udp")))
    digits: bool = field(default=False, metadata=_read_by(values.boolean))
    webhook_secrets: tuple[bytes, ...] = field(default=(), repr=False)


def read_secrets(path: Path) -> tuple[bytes, ...]:
    """Read the secrets in a file. Raises Wrong, which never shows what the file holds."""
    lines = read_private(path, EXPECTED).decode("ascii", "replace").split()
    try:
        secrets = tuple(base64.b64decode(line.removeprefix(PREFIX), validate=True) for line in lines)
    except (binascii.Error, ValueError):
        secrets = ()
    if not secrets or not all(SHORTEST <= len(secret) <= LONGEST for secret in secrets):
        raise Wrong(ConfigFault(f"{str(path)!r}, which holds something else", EXPECTED))
    return secrets
