"""Folders for what nobody else on the machine may read, such as recordings."""

from __future__ import annotations

import os
import stat
from pathlib import Path

EXPECTED = "a folder of this user's own that nobody else can read (chmod 700)"

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NotPrivateError(Exception):
    """A folder cannot be made, or others could read what is put into it; the message names it and says why."""


def make_private(path: Path) -> None:
    """Make a folder with its parents, unless it is there, and see to it that it is private. Raises NotPrivateError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotPrivateError(f"{path}: {error.strerror}") from error
    why = exposed(path)
    if why:
        raise NotPrivateError(f"{path}: {why}")


def exposed(path: Path) -> str:
    """Return why a path is no private folder; "" if it is one, or is not there yet."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISDIR(found.st_mode):
        return "not a folder"
    if found.st_uid != os.geteuid():
        return "a folder of another user"
    return f"open to other users (mode {stat.S_IMODE(found.st_mode):o})" if found.st_mode & _OTHERS else ""
