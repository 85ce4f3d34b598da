"""The state directory, which one service at a time may use."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtp_relay.assembly.errors import StartError


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Make the directory if need be, and keep other services out of it.

    The lock is the process's: it ends with it, however it ends. Raises StartError.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"the state directory {state_dir} cannot be used: {error.strerror}") from error
    try:
        _lock(file, state_dir)
        yield
    finally:
        os.close(file)


def _lock(file: int, state_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(file, 20, 0).decode("ascii", "replace").strip()
        raise StartError(
            f"another service (process {other}) uses the state directory {state_dir}:"
            " stop it, or configure another service.state_dir"
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
