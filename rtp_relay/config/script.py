"""The Python file with the route engine's callables."""

from __future__ import annotations

from pathlib import Path
from types import CodeType

from rtp_relay.config.problems import ConfigFault, Wrong

EXPECTED = "a Python file"


def compiled(path: Path) -> CodeType:
    """Compile the script, without running it. Raises Wrong, which names the line of a syntax error."""
    try:
        return compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except OSError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error.strerror})", EXPECTED)) from None
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else str(path)
        raise Wrong(ConfigFault(f"a syntax error in {place} ({error.msg})", EXPECTED)) from None
    except ValueError as error:
        raise Wrong(ConfigFault(f"{str(path)!r} ({error})", EXPECTED)) from None
