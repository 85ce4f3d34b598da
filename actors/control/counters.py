"""Counters: how each part says what it has counted since its start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol

from events.values import value


@value
class Sample:
    """A number at this time. `part` counted it; `labels` say of what, such as the verb and the result of requests.

    gauge: it says how many there are now, and not how often something happened.
    """

    part: str
    name: str
    number: int
    labels: tuple[tuple[str, str], ...] = ()
    gauge: bool = False


class CounterSource(Protocol):
    """A part that counts."""

    def samples(self) -> Iterable[Sample]:
        """Return what it has counted. It is called on the event loop, and must be quick."""


def samples_of(part: str, counters: Any, labels: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[Sample]:
    """Return the samples of a dataclass of counters: its int fields, and its Counter fields, one sample a key.

    `labels` names the parts of the keys of a Counter field.
    """
    if not is_dataclass(counters):
        raise TypeError(f"{type(counters).__name__} is no dataclass of counters")
    for field in fields(counters):
        held = getattr(counters, field.name)
        if isinstance(held, Counter):
            names = (labels or {})[field.name]
            for key, number in held.items():
                yield Sample(part, field.name, number, tuple(zip(names, key, strict=True)))
        elif isinstance(held, int):
            yield Sample(part, field.name, held)


def total(samples: Iterable[Sample]) -> list[Sample]:
    """Return one sample for each thing that is counted, the sum of its samples, in the order in which they come."""
    sums: dict[tuple[str, str, tuple[tuple[str, str], ...]], Sample] = {}
    for sample in samples:
        key = sample.part, sample.name, sample.labels
        known = sums.get(key)
        sums[key] = sample if known is None else replace(known, number=known.number + sample.number)
    return list(sums.values())
