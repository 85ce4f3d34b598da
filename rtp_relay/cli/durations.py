"""Durations that options give: seconds, or text such as "90s" or "1h30m"."""

from __future__ import annotations

import math
import re

from rtp_relay.cli.exits import Exit
from rtp_relay.cli.output import fail
from rtp_relay.config import values
from rtp_relay.config.problems import Wrong

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")


def seconds_of(option: str, text: str, *, above: bool = False, most: float = math.inf) -> float:
    """Return what an option says, in seconds: from 0 or above it, up to `most`; end if it is none of these."""
    try:
        seconds = values.seconds(0, above=above)(float(text) if _NUMBER.fullmatch(text) else text)
    except Wrong as error:
        fail(Exit.USAGE, f"{option}: expected {error.faults[0].expected}, not {text!r}")
    if seconds > most:
        fail(Exit.USAGE, f"{option}: expected at most {most:.0f} seconds ({most / 86_400:.0f} days), not {text!r}")
    return seconds
