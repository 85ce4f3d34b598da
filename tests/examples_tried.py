"""How many examples random tests try."""

from __future__ import annotations

from rtp_relay.compiled import code_in_use

_PART = 3


def examples(number: int) -> int:
    """Return this number on the sources, and a third of it on the compiled modules.

    What is right is found on the sources, where all are tried. What compiled code does otherwise it does each time it
    comes by there, which takes fewer; and these are others, for each run draws its own.
    """
    return max(1, number // _PART) if code_in_use() == "compiled" else number
