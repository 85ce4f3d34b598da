"""[privacy]: what operators see of the parties."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from replay.privacy.numbers import Numbers
from replay.privacy.users import Shown
from rtp_relay.config import values


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyConfig:
    """[privacy]: how numbers are shown. key: what key_file holds, with which they are hashed."""

    numbers: Shown = field(default=Shown.ALL, metadata={"read": values.one_of(Shown)})
    key_file: Path | None = field(default=None, metadata={"read": values.path})
    key: bytes = field(default=b"", repr=False)

    @property
    def shown(self) -> Numbers:
        """What shows calls so."""
        return Numbers(self.numbers, self.key)
