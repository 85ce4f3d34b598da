"""For how long what ended is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from events.ended import Outcome
from events.journal import BRIEFLY
from events.records import Index
from events.values import value

DAY: Final = 24 * 3600.0


@value
class Retention:
    """For how many seconds the history and the row of an ended call are kept: `usual`, or what its outcome has in `by`.

    What ended and is no call is kept as usual.
    """

    usual: float = DAY
    by: Mapping[Outcome, float] = field(default_factory=dict)

    def of(self, index: Index) -> int:
        """Return for how many ms a call is kept of which the tables say this, and of which nothing is left."""
        if index.brief:
            return _ms(BRIEFLY)
        return _ms(self.usual if index.ended is None else self.by.get(index.ended.outcome, self.usual))

    @property
    def longest(self) -> int:
        """For how many ms an ended call is kept at most."""
        return _ms(max([self.usual, *self.by.values()]))

    @property
    def shortest(self) -> int:
        """For how many ms any ended call is kept at least."""
        return _ms(min([self.usual, *self.by.values()]))

    @property
    def usually(self) -> int:
        """For how many ms what is no call is kept."""
        return _ms(self.usual)


USUAL: Final = Retention()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
