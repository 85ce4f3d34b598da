"""Keys of a terminal by their names: what a terminal in its usual mode sends for them (ECMA-48, xterm)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_NAMES: Final = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1b[4~": "end",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
}

_ONE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|.", re.DOTALL)


def keys_of(data: bytes) -> Iterator[str]:
    """Return the keys that were pressed: names of those that have one, else what they write; others are left out."""
    for one in _ONE.findall(data.decode("utf-8", "ignore")):
        name = _NAMES.get(one, one)
        if name.isprintable():
            yield name
