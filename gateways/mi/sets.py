"""Node sets by number, as OpenSIPS knows them: here they have names."""

from __future__ import annotations

DEFAULT = "default"


def set_name(given: str) -> str:
    """Return the set that is meant: 0 is the default one, every other number the set that has it for its name."""
    return DEFAULT if given == "0" else given


def set_number(name: str) -> int | str:
    """Return what a set is called: its number where it has one, else its name."""
    if name == DEFAULT:
        return 0
    return int(name) if name.isascii() and name.isdigit() else name
