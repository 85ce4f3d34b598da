"""How relay nodes are talked to."""

from __future__ import annotations

from dataclasses import dataclass

from engines.health import AdminState, Hysteresis


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How a node is talked to. Times are in seconds.

    timeout: a command without a reply for so long has failed. resend_after: when it is sent again, as parts of that.
    ping_every: an idle node is pinged so often, one that failed every `probe_every`, if that is sooner. A ping that has
    no reply when the next one is due has failed. down_after: so many failures in a row, without a success between them,
    take the node for down. hysteresis: what it has to do to be taken back. admin: what an operator wants of the node at
    first.
    """

    timeout: float = 1.5
    resend_after: tuple[float, ...] = (0.2, 0.5)
    max_in_flight: int = 1000
    ping_every: float = 5.0
    probe_every: float = 1.0
    tick: float = 0.05
    down_after: int = 3
    hysteresis: Hysteresis = Hysteresis()  # noqa: RUF009 - it is a value
    admin: AdminState = AdminState.ACTIVE

    @property
    def ping_timeout(self) -> float:
        """How long a ping may take."""
        return min(self.timeout, self.ping_every)

    @property
    def probes_every(self) -> float:
        """How often a node that failed is pinged."""
        return min(self.probe_every, self.ping_every)

    @property
    def hastens(self) -> bool:
        """Whether a dead node is to be found out sooner than by default."""
        return self.ping_every < self.probe_every
