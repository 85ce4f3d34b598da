"""What control nodes ask of relay nodes, as plain numbers since their start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from actors.control.counters import Sample, samples_of
from actors.effects import Outcome
from events.histogram import Histogram
from events.tally import Tally, tally

PING = "ping"


@dataclass(slots=True)
class NodeCounters:
    """Counters of a node.

    requests: operations that ended, by verb and outcome: "ok", or why it was not done (engines.refusal). seconds: how
    long each took until its last reply, by verb. resent: commands that were sent once more. went_down: how often it was
    found to be down. in_flight: how many are not answered at this time.
    """

    requests: Tally[tuple[str, str]] = field(default_factory=tally)
    seconds: dict[str, Histogram] = field(default_factory=dict)
    resent: int = 0
    went_down: int = 0
    in_flight: int = 0

    def ended(self, verb: str, outcome: Outcome, took: float) -> None:
        """Count the end of an operation, `took` seconds after its begin."""
        reply = outcome.reply
        if reply is None:
            self.requests[verb, outcome.code] += 1
            return
        self.requests[verb, "ok" if reply.code is None else reply.code] += 1
        seconds = self.seconds.get(verb)
        if seconds is None:
            seconds = self.seconds[verb] = Histogram()
        seconds.observe(took)

    def samples(self, node: str) -> Iterator[Sample]:
        """Return the samples, with the node's name as the first label."""
        for sample in samples_of("node", self, {"requests": ("verb", "outcome"), "seconds": ("verb",)}):
            yield replace(sample, labels=(("node", node), *sample.labels), gauge=sample.name == "in_flight")


class AllNodeCounters:
    """The counters of the nodes by name. They stay while a node's actor is replaced, and go with the node."""

    def __init__(self) -> None:
        self._counters: dict[str, NodeCounters] = {}

    def of(self, name: str) -> NodeCounters:
        """Return the counters of a node."""
        return self._counters.setdefault(name, NodeCounters())

    def forget(self, name: str) -> None:
        """Forget a node."""
        self._counters.pop(name, None)

    def samples(self) -> Iterable[Sample]:
        """Return the samples of all nodes."""
        return [sample for name, counters in self._counters.items() for sample in counters.samples(name)]
