"""The messages of RFC 4475 and RFC 5118, in the notation of RFC 4475 2: `<hex>` and `<repeat count=N>`.

Each begins after a line `=== name`, with the RFC's name for it; each line stands for one that ends with CRLF.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^=== (\S+)\n", re.MULTILINE)
_REPEAT = re.compile(rb"<repeat count=(\d+)>(.*?)</repeat>")
_HEX = re.compile(rb"<hex>(.*?)</hex>")


def load(name: str) -> dict[str, bytes]:
    """Return the messages of a file beside this one, by their names."""
    _, *pieces = _NAME.split(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return {name: _expanded(text) for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def _expanded(text: str) -> bytes:
    data = text.replace("\n", "\r\n").encode()
    data = _REPEAT.sub(lambda match: match[2] * int(match[1]), data)
    return _HEX.sub(lambda match: bytes.fromhex(match[1].decode()), data)
