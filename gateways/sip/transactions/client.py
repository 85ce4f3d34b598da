"""The client transaction of requests other than INVITE (RFC 3261 17.1.2).

    state        ends with   what it is
    ===========  ==========  ====================================================================
    trying       F, 64 T1    sent, and sent again after T1, 2 T1 ... up to T2 (E)
    proceeding   F (goes on) the peer has it (1xx), but that may get lost as well: sent again each T2 (E)
    completed    K, T4       a final answer came: its repeats are absorbed

Over reliable transports there is no E, and completed ends at once.
"""

from __future__ import annotations

from gateways.sip.transactions.machine import Act, Pace, State, Table, TransactionEvent, to
from gateways.sip.transactions.timers import Timer

_FINAL = to(State.COMPLETED, Act.TELL)
_TIMEOUT = to(State.TERMINATED, Act.TELL_TIMEOUT)
_UNREACHABLE = to(State.TERMINATED, Act.TELL_UNREACHABLE)

TABLE = Table(
    first=State.TRYING,
    timers={
        State.TRYING: (Timer.E, Timer.F),
        State.PROCEEDING: (Timer.E, Timer.F),
        State.COMPLETED: (None, Timer.K),
        State.TERMINATED: (None, None),
    },
    rows={
        State.TRYING: {
            Timer.E: to(State.TRYING, Act.SEND, pace=Pace.DOUBLE_TO_T2),
            Timer.F: _TIMEOUT,
            TransactionEvent.UNREACHABLE: _UNREACHABLE,
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.TELL),
            TransactionEvent.SUCCESS: _FINAL,
            TransactionEvent.FAILURE: _FINAL,
        },
        State.PROCEEDING: {
            Timer.E: to(State.PROCEEDING, Act.SEND, pace=Pace.T2),
            Timer.F: _TIMEOUT,
            TransactionEvent.UNREACHABLE: _UNREACHABLE,
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.TELL),
            TransactionEvent.SUCCESS: _FINAL,
            TransactionEvent.FAILURE: _FINAL,
        },
        State.COMPLETED: {Timer.K: to(State.TERMINATED)},
        State.TERMINATED: {},
    },
)
