"""Samples in the text forms that Prometheus reads: its own, and OpenMetrics 1.0.

Both are lines. They are made here and not by Prometheus' client library, for that makes all of them at a stretch, in
which no call would be served; here the event loop has its turn every hundred lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Final

from actors.control.counters import Labels, Sample, total
from gateways.http.metrics.catalogue import PREFIX, Metric, labels_of, place_of

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

STRETCH: Final = 100
"""Lines that are made at a stretch."""

_UNITS = ("seconds", "bytes")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


@dataclass(slots=True)
class _Family:
    metric: Metric
    kind: str
    samples: dict[Labels, Sample] = field(default_factory=dict)


async def render(samples: Iterable[Sample], *, open_metrics: bool) -> bytes:
    """Return the samples as a document."""
    lines = _lines(samples, open_metrics=open_metrics)
    return await written(chain(lines, ["# EOF"]) if open_metrics else lines)


async def written(lines: Iterable[str]) -> bytes:
    """Return lines as a document; they are made in short stretches between which others have their turns."""
    made: list[str] = []
    for number, line in enumerate(lines, 1):
        made.append(line)
        if not number % STRETCH:
            await asyncio.sleep(0)
    return "\n".join([*made, ""]).encode()


def escaped(word: str) -> str:
    """Return a word as it stands between the quotes of a label."""
    return word.encode("utf-8", "backslashreplace").decode().translate(_ESCAPES)


def _lines(samples: Iterable[Sample], *, open_metrics: bool) -> Iterator[str]:
    for family in _families(samples):
        yield from _head(family, open_metrics=open_metrics)
        for labels, sample in family.samples.items():
            yield from _sample(PREFIX + family.metric.name, family.kind, labels, sample)


def _families(samples: Iterable[Sample]) -> Iterable[_Family]:
    families: dict[str, _Family] = {}
    for sample in samples:
        place = place_of(sample)
        family = families.get(place.metric.name)
        if family is None:
            family = families[place.metric.name] = _Family(place.metric, _kind_of(sample))
        labels = labels_of(sample, place)
        known = family.samples.get(labels)
        family.samples[labels] = sample if known is None else total([known, _like(known, sample)])[0]
    return families.values()


def _like(one: Sample, other: Sample) -> Sample:
    """Return another sample of the same place as if it were of the same thing."""
    return Sample(one.part, one.name, other.number, one.labels, one.gauge, one.together, other.buckets, other.bounds)


def _kind_of(sample: Sample) -> str:
    if sample.buckets:
        return "histogram"
    return "gauge" if sample.gauge else "counter"


def _head(family: _Family, *, open_metrics: bool) -> Iterator[str]:
    name = PREFIX + family.metric.name
    if family.kind == "counter" and not open_metrics:
        name += "_total"
    yield f"# HELP {name} {family.metric.help}"
    yield f"# TYPE {name} {family.kind}"
    if open_metrics:
        unit = name.rpartition("_")[2]
        if unit in _UNITS:
            yield f"# UNIT {name} {unit}"


def _sample(name: str, kind: str, labels: Labels, sample: Sample) -> Iterator[str]:
    inside = ",".join(f'{label}="{escaped(word)}"' for label, word in labels)
    within = f"{{{inside}}}" if inside else ""
    if kind == "counter":
        yield f"{name}_total{within} {_number(sample.number)}"
    elif kind == "gauge":
        yield f"{name}{within} {_number(sample.number)}"
    else:
        before = f"{inside}," if inside else ""
        counts = list(accumulate(sample.buckets))
        for bound, count in zip([*map(_bound, sample.bounds), "+Inf"], counts, strict=True):
            yield f'{name}_bucket{{{before}le="{bound}"}} {count}'
        yield f"{name}_sum{within} {_number(sample.number)}"
        yield f"{name}_count{within} {counts[-1]}"


def _number(number: float) -> str:
    return str(number) if isinstance(number, int) else repr(float(number))


def _bound(bound: float) -> str:
    return repr(float(bound))
