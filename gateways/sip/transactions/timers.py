"""The timers of transactions, and how long each runs (RFC 3261 17 and table 4, RFC 6026)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Timer(StrEnum):
    """A timer, by the RFCs' letter and what it is for. Those of the first group send again, the others end a state."""

    A = "A: INVITE sent again"
    E = "E: request sent again"
    G = "G: response to INVITE sent again"

    B = "B: INVITE without an answer"
    C = "C: INVITE that its sender has forgotten, without a final answer"
    D = "D: repeats of a failure of an INVITE may come"
    F = "F: request without a final answer"
    H = "H: failure of an INVITE without its ACK"
    I = "I: repeats of an ACK may come"  # noqa: E741 the RFC's letter
    J = "J: repeats of an answered request may come"
    K = "K: repeats of a final answer may come"
    L = "L: repeats of an accepted INVITE may come, and further 2xx to it go"
    M = "M: further 2xx to an INVITE may come"
    # Without a letter in the RFCs:
    X = "X: cancelled INVITE without a final answer"  # RFC 3261 9.1
    N = "N: request that its user does not answer"  # RFC 4320 4.2: past timer F, an answer is of no use


@dataclass(frozen=True, slots=True)
class Timers:
    """The times that all others follow from, in seconds.

    t1: a round trip, taken at its worst. t2: the longest pause between repeats. t4: how long a message can stay in the
    network. c: how long an INVITE may go without a final answer (RFC 3261 16.6: more than three minutes).
    grain: how late a timer may ring, so that many can ring together.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    c: float = 181.0
    grain: float = 0.005

    @property
    def patience(self) -> float:
        """The time after which all hope of an answer is lost: 64 T1."""
        return 64 * self.t1

    def durations(self, *, reliable: bool) -> Mapping[Timer, float]:
        """Return how long each timer runs over a transport; 0: what is to be sent again is not, a state ends at once.

        D is a multiple of T1 as H is, which it is to outlast: with the RFC's T1 it is its 32 s.
        """
        patience = self.patience
        always = dict.fromkeys((Timer.B, Timer.F, Timer.H, Timer.L, Timer.M, Timer.N, Timer.X), patience)
        lossy = {Timer.A: self.t1, Timer.E: self.t1, Timer.G: self.t1, Timer.D: patience, Timer.J: patience}
        lossy |= {Timer.I: self.t4, Timer.K: self.t4}
        if reliable:
            lossy = dict.fromkeys(lossy, 0.0)
        return MappingProxyType({**always, **lossy, Timer.C: self.c})
