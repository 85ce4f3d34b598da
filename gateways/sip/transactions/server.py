"""The server transaction of requests other than INVITE (RFC 3261 17.2.2).

    state        ends with   what it is
    ===========  ==========  ====================================================================
    trying       N, 64 T1    not answered: repeats of the request are absorbed
    proceeding   N (goes on) answered with 1xx: repeats of the request get it again
    completed    J, 64 T1    answered for good: repeats of the request get the answer again

After 64 T1 the client has given up: an answer is of no use any more, a 408 even forbidden (RFC 4320 4.2). So a
request that its user leaves without an answer ends then (timer N, not among the RFC's letters). To *drop* a request
is to leave it to that.

Over reliable transports completed ends at once. A transport's failure changes nothing: the client repeats its
request, or has given up.
"""

from __future__ import annotations

from gateways.sip.transactions.machine import Act, State, Table, TransactionEvent, to
from gateways.sip.transactions.timers import Timer

_FINAL = to(State.COMPLETED, Act.SEND)

TABLE = Table(
    first=State.TRYING,
    timers={
        State.TRYING: (None, Timer.N),
        State.PROCEEDING: (None, Timer.N),
        State.COMPLETED: (None, Timer.J),
        State.TERMINATED: (None, None),
    },
    rows={
        State.TRYING: {
            Timer.N: to(State.TERMINATED),
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.SEND),
            TransactionEvent.SUCCESS: _FINAL,
            TransactionEvent.FAILURE: _FINAL,
        },
        State.PROCEEDING: {
            Timer.N: to(State.TERMINATED),
            TransactionEvent.REQUEST: to(State.PROCEEDING, Act.REPEAT),
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.SEND),
            TransactionEvent.SUCCESS: _FINAL,
            TransactionEvent.FAILURE: _FINAL,
        },
        State.COMPLETED: {
            Timer.J: to(State.TERMINATED),
            TransactionEvent.REQUEST: to(State.COMPLETED, Act.REPEAT),
        },
        State.TERMINATED: {},
    },
)
