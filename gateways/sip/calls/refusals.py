"""What a SIP peer is told when a relay could not do what a message needs.

Each cause has its status. Reason phrases are those of the RFCs: what a node said, and which one, is for the log alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

import structlog

from actors.results import Refused
from engines.refusal import RefusalCode
from events.names import CallId
from events.verdict import Fault
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import RefusalError

log = structlog.get_logger(bounded=True)

RETRY_AFTER = (2, 10)
"""Seconds after which a caller may try again; each is told another number, lest they all come back at once."""

STATUSES: Mapping[RefusalCode, int] = MappingProxyType(
    {
        RefusalCode.BAD_SDP: 400,
        RefusalCode.NOT_ACCEPTABLE: 488,
        RefusalCode.BAD_SETTINGS: 488,
        RefusalCode.UNKNOWN_CALL: 481,
        RefusalCode.OUTDATED: 481,
        RefusalCode.NOT_FOUND: 481,
        RefusalCode.FULL: 503,
        RefusalCode.NO_ROOM: 503,
        RefusalCode.NO_NODE: 503,
        RefusalCode.NO_REPLY: 503,
        RefusalCode.UNKNOWN_SESSION: 503,
        RefusalCode.NO_JOURNAL: 503,
        RefusalCode.QUARANTINED: 503,
        RefusalCode.OLDER: 503,
    }
)
"""What each cause is answered with; all others with 500. 503 says that the same may go well a little later, so it is
not for what no relay of the set will ever take (RFC 3261 21.4.26, 21.5.4)."""


def refusal(error: Refused, call_id: CallId = CallId("")) -> RefusalError:
    """Return the refusal for why something could not be relayed, and log the reason. A 503 says when to try again."""
    status = STATUSES.get(error.code, 500)
    log.warning("sip message not relayed", call_id=call_id, status=status, cause=str(error.code), why=error.reason)
    headers = [("Retry-After", str(random.randint(*RETRY_AFTER)))] if status == 503 else []
    return RefusalError(status, phrase_of(status), headers)


def log_altered(call_id: str, status: int) -> None:
    """Log that a message came by again with another session description than the relay gave. status: 0 to go on."""
    log.warning(
        "sip message not relayed", call_id=call_id, status=status, cause=Fault.ALTERED.value, why=Fault.ALTERED.phrase
    )
