"""The words of a program's memory."""

from __future__ import annotations

from typing import Final

SIZE: Final = 0
"""How many bytes the datagram has."""

START: Final = 1
"""Where X goes back to."""

NUMBER: Final = 2
"""The number that was read."""

ONE: Final = 3
"""One of two values to be added."""

SUM: Final = 4
"""What the call-id comes to so far."""
