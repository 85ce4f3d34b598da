"""[journal] retention_by: for how long ended calls are kept whose outcome deserves another time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from events.ended import Outcome
from rtp_relay.config import values
from rtp_relay.config.problems import ConfigFault, Wrong, wrong

_OUTCOMES: Final = {str(outcome): outcome for outcome in Outcome if outcome is not Outcome.UNREADABLE}
_DURATION: Final = values.seconds(0, above=True)


def retention_by(value: object) -> Mapping[Outcome, float]:
    """Read a table of durations by outcome."""
    if not isinstance(value, dict):
        raise wrong(value, 'a table by outcome, such as { failed = "30d" }')
    read: dict[Outcome, float] = {}
    faults: list[ConfigFault] = []
    for key, said in value.items():
        if key not in _OUTCOMES:
            faults.append(ConfigFault("an unknown outcome", f"one of {', '.join(_OUTCOMES)}", (key,)))
            continue
        try:
            read[_OUTCOMES[key]] = _DURATION(said)
        except Wrong as error:
            faults += [ConfigFault(fault.found, fault.expected, (key, *fault.path)) for fault in error.faults]
    if faults:
        raise Wrong(*faults)
    return read
