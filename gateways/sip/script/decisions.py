"""What a script can decide about a request, and the record of a decision in the making."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sipmessage import URI

from events.values import value
from gateways.sip.proxy.hooks import Answer, ProxyTarget


class RoutingError(Exception):
    """Something that a script cannot do; the message says why."""


@value
class Forward:
    """The request goes to these targets: at least one, in the order in which branches were appended."""

    targets: Sequence[ProxyTarget]


@value
class Drop:
    """The request is dropped without an answer."""


@value
class Undecided:
    """The function ended, or there is none, without a decision; `why` is for the log."""

    why: str


Decision: TypeAlias = Forward | Answer | Drop | Undecided

NO_FUNCTION = Undecided("no function is registered")


class Plan:
    """The targets and the decision of one function. `first` is the index of the first branch that it can append."""

    __slots__ = ("_closed", "_decision", "_first", "_targets")

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._targets: list[ProxyTarget] = []
        self._decision: Decision | None = None
        self._closed = False

    def check_open(self) -> None:
        """Raise RoutingError if the request is decided on."""
        if self._decision is not None:
            raise RoutingError(f"the request is decided on already: {_words(self._decision)}")
        if self._closed:
            raise RoutingError("the function that decides on the request has ended")

    def append(self, target: ProxyTarget) -> int:
        """Add a target and give the index of its branch. Raises RoutingError if it would not be tried in this order."""
        self.check_open()
        # The proxy counts branches as it tries them: with another order the index would be another branch's.
        if self._targets and target.q > self._targets[-1].q:
            before = self._targets[-1].q
            raise RoutingError(
                f"a branch of q={target.q} after one of {before}: append first what is to be tried first"
            )
        self._targets.append(target)
        return self._first + len(self._targets) - 1

    def relay(self, next_hop: URI | None, otherwise: ProxyTarget | None) -> None:
        """Decide to relay: to what was appended, the next hop being for targets without their own; or `otherwise`."""
        self.check_open()
        targets = self._targets or ([] if otherwise is None else [otherwise])
        if not targets:
            raise RoutingError("there is nowhere to relay to: append_branch(uri), or name a next hop")
        self._decision = Forward(tuple(_by_way_of(target, next_hop) for target in targets))

    def decide(self, decision: Answer | Drop) -> None:
        """Decide for anything but to relay."""
        self.check_open()
        self._decision = decision

    def close(self) -> Decision:
        """Return the decision; from now on nothing can be decided here."""
        self._closed = True
        if self._decision is not None:
            return self._decision
        appended = "append_branch() was called, but relay() was not" if self._targets else ""
        return Undecided(appended or "the function ended without relay(), reply() or drop()")

    def forget(self) -> None:
        """Forget all that was decided."""
        self._targets, self._decision = [], None


def _by_way_of(target: ProxyTarget, next_hop: URI | None) -> ProxyTarget:
    """Return a target that has a next hop: its own, or else this one."""
    return target if target.next_hop or next_hop is None else ProxyTarget(target.uri, next_hop, target.q)


def _words(decision: Decision) -> str:
    match decision:
        case Forward():
            return "relay()"
        case Answer(code=code):
            return f"reply({code})"
    return "drop()"
