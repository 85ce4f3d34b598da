"""Node sets by number, as OpenSIPS knows them: here they have names, and a number stands for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_SET = "default"
"""The set that number 0 stands for, as the one without a number does in OpenSIPS."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_BELOW = re.compile(r"-[0-9]+")


def is_number(given: str) -> bool:
    """Return whether a text is a set's number."""
    return _NUMBER.fullmatch(given) is not None


@dataclass(frozen=True, slots=True)
class SetNames:
    """Which name each number stands for. A number without one stands for the set of that name: 1 for `"1"`."""

    numbers: Mapping[int, str] = field(default_factory=dict)

    def name(self, given: str | int) -> str:
        """Return the name of the set that is meant by a name, or by a number or its digits.

        Raises ValueError for what is neither: an empty text, a number below 0, anything else.
        """
        text = str(given)
        if isinstance(given, bool) or not isinstance(given, str | int) or not text or _BELOW.fullmatch(text):
            raise ValueError(f"{given!r} is no set: expected its name, or its number from 0 on")
        if not is_number(text):
            return text
        return self.numbers.get(int(text), DEFAULT_SET if text == "0" else text)

    def number(self, name: str) -> int | str:
        """Return what a set is called where sets have numbers: its number if there is one, else its name."""
        of_name = [number for number, each in self.numbers.items() if each == name]
        if of_name:
            return min(of_name)
        if name == DEFAULT_SET and 0 not in self.numbers:
            return 0
        return int(name) if is_number(name) and int(name) not in self.numbers else name


BY_NAME = SetNames()
"""Without a mapping: 0 is the default set, each other number the set of that name."""
