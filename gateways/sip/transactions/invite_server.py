"""The INVITE server transaction (RFC 3261 17.2.1, RFC 6026 7.1).

    state        ends with   what it is
    ===========  ==========  ====================================================================
    proceeding   -           not answered for good: repeats of the INVITE get the last provisional answer
    completed    H, 64 T1    failed (300-699): sent at each repeat of the INVITE, and after T1, 2 T1 ... up to T2 (G),
                             until its ACK comes
    confirmed    I, T4       the ACK came: repeats of it, and late ones of the INVITE, are absorbed
    accepted     L, 64 T1    succeeded (2xx): repeats of the INVITE are absorbed. The 2xx is repeated by whoever made it
                             until the ACK comes there, and passes; so do 2xx of other branches

To *drop* an INVITE, so that its sender never hears of it again, is ours: its repeats are absorbed for 64 T1.

Over reliable transports there is no G, and confirmed ends at once. An ACK is the transaction's own only after a
failure; any other is the user's (RFC 6026 7.1: also in accepted). 2xx pass in each state, even after a failure or the
end: somebody has set up a call, and only the INVITE's sender can end it well (RFC 3261 16.7 step 5).
A transport's failure changes nothing: the client repeats its INVITE, or has given up.
"""

from __future__ import annotations

from gateways.sip.transactions.machine import Act, Pace, State, Table, TransactionEvent, to
from gateways.sip.transactions.timers import Timer

TABLE = Table(
    first=State.PROCEEDING,
    timers={
        State.PROCEEDING: (None, None),
        State.DROPPED: (None, Timer.N),
        State.COMPLETED: (Timer.G, Timer.H),
        State.CONFIRMED: (None, Timer.I),
        State.ACCEPTED: (None, Timer.L),
        State.TERMINATED: (None, None),
    },
    rows={
        State.PROCEEDING: {
            TransactionEvent.REQUEST: to(State.PROCEEDING, Act.REPEAT),
            TransactionEvent.ACK: to(State.PROCEEDING, Act.TELL),
            TransactionEvent.PROVISIONAL: to(State.PROCEEDING, Act.SEND),
            TransactionEvent.SUCCESS: to(State.ACCEPTED, Act.PASS),
            TransactionEvent.FAILURE: to(State.COMPLETED, Act.SEND),
            TransactionEvent.DROP: to(State.DROPPED),
        },
        State.DROPPED: {
            Timer.N: to(State.TERMINATED),
            TransactionEvent.ACK: to(State.DROPPED, Act.TELL),
        },
        State.COMPLETED: {
            Timer.G: to(State.COMPLETED, Act.REPEAT, pace=Pace.DOUBLE_TO_T2),
            Timer.H: to(State.TERMINATED, Act.NOTE_NO_ACK),
            TransactionEvent.REQUEST: to(State.COMPLETED, Act.REPEAT),
            TransactionEvent.ACK: to(State.CONFIRMED),
            TransactionEvent.SUCCESS: to(State.COMPLETED, Act.PASS),
        },
        State.CONFIRMED: {
            Timer.I: to(State.TERMINATED),
            TransactionEvent.SUCCESS: to(State.CONFIRMED, Act.PASS),
        },
        State.ACCEPTED: {
            Timer.L: to(State.TERMINATED),
            TransactionEvent.ACK: to(State.ACCEPTED, Act.TELL),
            TransactionEvent.SUCCESS: to(State.ACCEPTED, Act.PASS),
        },
        State.TERMINATED: {
            TransactionEvent.SUCCESS: to(State.TERMINATED, Act.PASS),
        },
    },
)
