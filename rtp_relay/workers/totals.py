"""The counters of all workers together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actors.control.counters import Sample, total


class Totals:
    """What each worker has counted. What one has counted that is gone stays in the sum, but for what it had then."""

    def __init__(self) -> None:
        self._latest: dict[int, Sequence[Sample]] = {}
        self._gone: list[Sample] = []

    def heard(self, worker: int, samples: Sequence[Sample]) -> None:
        """Record what a worker has counted so far."""
        self._latest[worker] = samples

    def ended(self, worker: int) -> None:
        """Record that a worker is gone."""
        samples = self._latest.pop(worker, ())
        self._gone = total([*self._gone, *(sample for sample in samples if not sample.gauge)])

    def of_others(self, worker: int) -> tuple[Sample, ...]:
        """Return what all but this one have counted."""
        others = (samples for number, samples in self._latest.items() if number != worker)
        return tuple(total([*self._gone, *(sample for samples in others for sample in samples)]))


class OthersCounters:
    """What the other workers have counted, as one of them was told last. A CounterSource."""

    def __init__(self) -> None:
        self._samples: tuple[Sample, ...] = ()

    def take(self, samples: tuple[Sample, ...]) -> None:
        """Set what was told."""
        self._samples = samples

    def samples(self) -> Iterable[Sample]:
        """Return it."""
        return self._samples
