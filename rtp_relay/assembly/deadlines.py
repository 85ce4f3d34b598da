"""When calls are to be attended to again, by the configuration."""

from __future__ import annotations

from replay.eras import NEVER_SET, ClockEras
from replay.projection import Deadlines
from rtp_relay.assembly.nodes import ROUTE_GRACE
from rtp_relay.config import Config

_LEAST_OPERATION = 10_000
_COMMANDS_IN_A_ROW = 5
"""An offer can take effect for so many times a command's deadline, and at least for so many ms."""

_CANCELLING = 64
"""T1s after timer C within which a cancelled branch has its final response (RFC 3261 9.1)."""


def deadlines_of(config: Config, slowest: float, eras: ClockEras = NEVER_SET) -> Deadlines:
    """Return when calls are due again. slowest: the timeout of the slowest node, in seconds. eras: of the clock."""
    calls = config.calls
    return Deadlines(
        offer=_ms(calls.offer_timeout),
        ringing=_ms(config.sip.timer_c + _CANCELLING * config.sip.t1),
        probe=_ms(calls.probe_interval),
        retry=_ms(calls.retry_interval),
        operation=operation_time(config, slowest),
        give_up=_ms(calls.give_up_after),
        dialog=_ms(config.sip.dialog_probe),
        quality=_ms(calls.quality_every),
        eras=eras,
    )


def operation_time(config: Config, slowest: float) -> int:
    """Return for how long (ms) an offer can take effect where a node's commands take so many seconds at most."""
    return max(_LEAST_OPERATION, _ms(slowest * _COMMANDS_IN_A_ROW), _ms(config.route.timeout + ROUTE_GRACE))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
