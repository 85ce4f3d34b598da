"""What the transaction layer has seen, as plain numbers since its start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TransactionCounters:
    """Counters of the transaction layer.

    requests: new ones, ACKs not among them. repeats: requests that came again. sent: requests of ours. resent: messages
    that were sent again. stray_responses, stray_cancels: those that belong to no transaction. malformed: messages that
    could not be read. refused: requests answered with 503 because there were too many. unreachable: requests of ours
    that a transport could not send. unanswered: those that got no final answer in time. unsent: responses that a
    transport could not send. unacknowledged: failures of an INVITE whose ACK did not come. failures: faults of the
    door itself.
    """

    requests: int = 0
    repeats: int = 0
    sent: int = 0
    resent: int = 0
    stray_responses: int = 0
    stray_cancels: int = 0
    malformed: int = 0
    refused: int = 0
    unreachable: int = 0
    unanswered: int = 0
    unsent: int = 0
    unacknowledged: int = 0
    failures: int = 0
