"""Files that hold secrets: the keys for session descriptions at rest, tokens."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from rtp_relay.config.problems import ConfigFault, Wrong

KEY_LENGTH = 32
LONGEST_FILE = 65_536
EXPECTED = f"a file with one key of {KEY_LENGTH} bytes, as base64 or as {2 * KEY_LENGTH} hex digits"

PRIVATE = "a file that others can neither read nor write (chmod o=)"


def read_key(path: Path) -> bytes:
    """Read the key in a file. Raises Wrong, which never shows what the file holds."""
    return _decoded(read_private(path, EXPECTED).strip(), path)


def read_private(path: Path, expected: str) -> bytes:
    """Read a file that others cannot, or its beginning if it is too long. Raises Wrong, with what is expected of it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST_FILE)
    except OSError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error.strerror})", expected)) from None
    except ValueError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error})", expected)) from None
    if stat.S_IMODE(mode) & stat.S_IRWXO:
        raise Wrong(ConfigFault(f"{str(path)!r} with mode {stat.S_IMODE(mode):04o}", PRIVATE))
    return content


def _decoded(content: bytes, path: Path) -> bytes:
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            key = decode(content.decode("ascii"))
        except ValueError:
            continue
        if len(key) == KEY_LENGTH:
            return key
    raise Wrong(ConfigFault(f"{str(path)!r}, which holds something else", EXPECTED))
