"""The INVITE client transaction (RFC 3261 17.1.1, RFC 6026 7.2).

    state        ends with   what it is
    ===========  ==========  ====================================================================
    calling      B, 64 T1    sent, and sent again after T1, 2 T1, 4 T1 ... (A), until any answer comes
    proceeding   -           the peer has it (1xx); how long that may last is the user's to decide
    completed    D, 32 s     failed (300-699): each repeat of that answer gets the ACK once more
    accepted     M, 64 T1    succeeded (2xx): so may other branches of a proxy further on; the user gets each 2xx and
                             acknowledges it, since that ACK is a transaction of its own (RFC 3261 13.2.2.4)

Two things are told in words beside the figures. A CANCEL may not be sent before a provisional answer came (RFC 3261
9.1), lest it overtakes its INVITE: *cancelling* is a calling that will be cancelled at the first 1xx. A *cancelled*
one waits for the final answer, usually 487, but not for longer than 64 T1: peers of RFC 2543 do not send one. And an
INVITE whose user wants to hear no more of it, while it still has no final answer, is *forgotten*: nobody is there any
more to end it, so timer C does.

Over reliable transports there is no A, and completed ends at once. A transport's failure matters where something of
ours was sent last: in calling, and (for the ACK) in completed. A 2xx may come after a failure, from a branch that won
a race: it is the user's, who has to end the dialog that it made.
"""

from __future__ import annotations

from gateways.sip.transactions.machine import Act, Pace, State, Table, TransactionEvent, to
from gateways.sip.transactions.timers import Timer

_SUCCESS = to(State.ACCEPTED, Act.TELL)
_FAILURE = to(State.COMPLETED, Act.ACK, Act.TELL)
_TIMEOUT = to(State.TERMINATED, Act.TELL_TIMEOUT)
_UNREACHABLE = to(State.TERMINATED, Act.TELL_UNREACHABLE)

TABLE = Table(
    first=State.CALLING,
    timers={
        State.CALLING: (Timer.A, Timer.B),
        State.CANCELLING: (Timer.A, Timer.B),
        State.PROCEEDING: (None, None),
        State.FORGOTTEN: (None, Timer.C),
        State.CANCELLED: (None, Timer.X),
        State.COMPLETED: (None, Timer.D),
        State.ACCEPTED: (None, Timer.M),
        State.TERMINATED: (None, None),
    },
    rows={
        State.CALLING: {
            Timer.A: to(State.CALLING, Act.SEND, pace=Pace.DOUBLE),
            Timer.B: _TIMEOUT,
            TransactionEvent.UNREACHABLE: _UNREACHABLE,
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.TELL),
            TransactionEvent.SUCCESS: _SUCCESS,
            TransactionEvent.FAILURE: _FAILURE,
            TransactionEvent.CANCEL: to(State.CANCELLING),
        },
        State.CANCELLING: {
            Timer.A: to(State.CANCELLING, Act.SEND, pace=Pace.DOUBLE),
            Timer.B: _TIMEOUT,
            TransactionEvent.UNREACHABLE: _UNREACHABLE,
            TransactionEvent.PROVISIONAL: to(State.CANCELLED, Act.CANCEL, Act.TELL),
            TransactionEvent.SUCCESS: _SUCCESS,
            TransactionEvent.FAILURE: _FAILURE,
        },
        State.PROCEEDING: {
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.TELL),
            TransactionEvent.SUCCESS: _SUCCESS,
            TransactionEvent.FAILURE: _FAILURE,
            TransactionEvent.CANCEL: to(State.CANCELLED, Act.CANCEL),
            TransactionEvent.FORGET: to(State.FORGOTTEN),
        },
        State.FORGOTTEN: {
            Timer.C: to(State.CANCELLED, Act.CANCEL),
            TransactionEvent.SUCCESS: _SUCCESS,
            TransactionEvent.FAILURE: _FAILURE,
            TransactionEvent.CANCEL: to(State.CANCELLED, Act.CANCEL),
        },
        State.CANCELLED: {
            Timer.X: _TIMEOUT,
            TransactionEvent.PROVISIONAL: to(State.CANCELLED, Act.TELL),
            TransactionEvent.SUCCESS: _SUCCESS,
            TransactionEvent.FAILURE: _FAILURE,
        },
        State.COMPLETED: {
            Timer.D: to(State.TERMINATED),
            TransactionEvent.UNREACHABLE: to(State.TERMINATED),
            TransactionEvent.SUCCESS: to(State.COMPLETED, Act.TELL),
            TransactionEvent.FAILURE: to(State.COMPLETED, Act.ACK),
        },
        State.ACCEPTED: {
            Timer.M: to(State.TERMINATED),
            TransactionEvent.SUCCESS: to(State.ACCEPTED, Act.TELL),
        },
        State.TERMINATED: {},
    },
)
