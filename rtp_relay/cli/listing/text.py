"""Text in the cells of a terminal: harmless, and of a width that is known."""

from __future__ import annotations

from itertools import accumulate

from rich.cells import get_character_cell_size

from replay.history.timeline import one_line

_UNSURE = frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400)))
)
"""Characters whose width depends on their neighbours and on the terminal: variation selectors, flags, skin tones."""


def clean(value: object) -> str:
    """Return a value as one line of text that no terminal acts on, with characters of known width alone."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    text = "".join(_written_out(char) if char in _UNSURE else char for char in one_line(text))
    if text and not get_character_cell_size(text[0]):  # it would stand on the text before it
        return _written_out(text[0]) + text[1:]
    return text


def width(text: str) -> int:
    """Return how many cells of a terminal a cleaned text takes."""
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def head(text: str, cells: int) -> str:
    """Return as much of the beginning of a cleaned text as these cells have room for."""
    if text.isascii():
        return text[: max(cells, 0)]
    ends = accumulate(map(get_character_cell_size, text))
    return text[: sum(end <= cells for end in ends)]


def end(text: str, cells: int) -> str:
    """Return as much of the end of a cleaned text as these cells have room for; it begins with no combining mark."""
    if text.isascii():
        return text[len(text) - cells :] if 0 < cells < len(text) else text[: max(cells, 0)]
    sizes = [get_character_cell_size(char) for char in reversed(text)]
    taken = sum(size <= cells for size in accumulate(sizes))
    while taken and not sizes[taken - 1]:
        taken -= 1
    return text[len(text) - taken :]


def padded(text: str, cells: int, *, right: bool = False) -> str:
    """Return a cleaned text with spaces up to so many cells, before it where it is to stand on the right."""
    space = " " * (cells - width(text))
    return space + text if right else text + space


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
