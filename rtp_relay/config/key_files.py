"""The files that hold the keys for session descriptions at rest."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from rtp_relay.config.problems import ConfigFault, Wrong

KEY_LENGTH = 32
LONGEST_FILE = 4096
EXPECTED = f"a file with one key of {KEY_LENGTH} bytes, as base64 or as {2 * KEY_LENGTH} hex digits"

PRIVATE = "a file that others can neither read nor write (chmod o=)"


def read_key(path: Path) -> bytes:
    """Read the key in a file. Raises Wrong, which never shows what the file holds."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST_FILE)
    except OSError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error.strerror})", EXPECTED)) from None
    except ValueError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error})", EXPECTED)) from None
    if stat.S_IMODE(mode) & stat.S_IRWXO:
        raise Wrong(ConfigFault(f"{str(path)!r} with mode {stat.S_IMODE(mode):04o}", PRIVATE))
    return _decoded(content.strip(), path)


def _decoded(content: bytes, path: Path) -> bytes:
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            key = decode(content.decode("ascii"))
        except ValueError:
            continue
        if len(key) == KEY_LENGTH:
            return key
    raise Wrong(ConfigFault(f"{str(path)!r}, which holds something else", EXPECTED))
