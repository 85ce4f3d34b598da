"""Counters: how each part says what it has counted since its start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Protocol, TypeAlias

from events.histogram import Histogram
from events.values import value

Labels: TypeAlias = tuple[tuple[str, str], ...]
SampleKey: TypeAlias = tuple[str, str, Labels]


class Together(Enum):
    """What a gauge is of several workers: the sum of theirs, or, where all look at the same, the most or the least."""

    SUM = "sum"
    MOST = "most"
    LEAST = "least"


@value
class Sample:
    """A number at this time. `part` counted it; `labels` say of what, such as the verb and the result of requests.

    gauge: it says how many there are now, and not how often something happened; `together` is for these. buckets,
    bounds: of a histogram, whose `number` is the sum of all values (events.histogram); () for anything else.
    """

    part: str
    name: str
    number: float
    labels: Labels = ()
    gauge: bool = False
    together: Together = Together.SUM
    buckets: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def key(self) -> SampleKey:
        """What it is the number of."""
        return self.part, self.name, self.labels

    @property
    def count(self) -> float:
        """How often it happened: the number, of a histogram how many values there were."""
        return sum(self.buckets) if self.buckets else self.number


class CounterSource(Protocol):
    """A part that counts."""

    def samples(self) -> Iterable[Sample]:
        """Return what it has counted. It is called on the event loop, and must be quick."""


def samples_of(part: str, counters: Any, labels: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[Sample]:
    """Return the samples of a dataclass of counters: its public int fields, histograms, and tables, one sample a key.

    `labels` names the parts of the keys of such a table, a tally or a dict of histograms.
    """
    if not is_dataclass(counters):
        raise TypeError(f"{type(counters).__name__} is no dataclass of counters")
    for field in fields(counters):
        if field.name.startswith("_"):
            continue
        held = getattr(counters, field.name)
        if isinstance(held, dict):
            for key, counted in held.items():
                names = (labels or {})[field.name]
                words = key if isinstance(key, tuple) else (key,)
                yield _sample(part, field.name, counted, tuple(zip(names, map(str, words), strict=True)))
        elif isinstance(held, int | Histogram):
            yield _sample(part, field.name, held)


def _sample(part: str, name: str, counted: float | Histogram, labels: Labels = ()) -> Sample:
    if isinstance(counted, Histogram):
        return Sample(part, name, counted.sum, labels, buckets=tuple(counted.counts), bounds=counted.bounds)
    return Sample(part, name, counted, labels)


def total(samples: Iterable[Sample]) -> list[Sample]:
    """Return one sample for each thing that is counted, the sum of its samples, in the order in which they come."""
    sums: dict[SampleKey, Sample] = {}
    for sample in samples:
        known = sums.get(sample.key)
        sums[sample.key] = sample if known is None else _both(known, sample)
    return list(sums.values())


def _both(one: Sample, other: Sample) -> Sample:
    match one.together:
        case Together.MOST:
            return max(one, other, key=lambda sample: sample.number)
        case Together.LEAST:
            return min(one, other, key=lambda sample: sample.number)
        case Together.SUM:
            buckets = tuple(mine + yours for mine, yours in zip(one.buckets, other.buckets, strict=True))
            return replace(one, number=one.number + other.number, buckets=buckets)
