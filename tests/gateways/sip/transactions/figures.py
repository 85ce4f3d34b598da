"""The figures of RFC 3261 17 and RFC 6026 as text, with the rows for what the RFCs tell in words."""

from __future__ import annotations

# state, input, what is to be done, next state; what is not here is absorbed.
INVITE_CLIENT = """
CALLING     A            SEND               CALLING
CALLING     B            TELL_TIMEOUT       TERMINATED
CALLING     UNREACHABLE  TELL_UNREACHABLE   TERMINATED
CALLING     PROVISIONAL  TELL               PROCEEDING
CALLING     SUCCESS      TELL               ACCEPTED
CALLING     FAILURE      ACK,TELL           COMPLETED
CALLING     CANCEL       -                  CANCELLING
CANCELLING  A            SEND               CANCELLING
CANCELLING  B            TELL_TIMEOUT       TERMINATED
CANCELLING  UNREACHABLE  TELL_UNREACHABLE   TERMINATED
CANCELLING  PROVISIONAL  CANCEL,TELL        CANCELLED
CANCELLING  SUCCESS      TELL               ACCEPTED
CANCELLING  FAILURE      ACK,TELL           COMPLETED
PROCEEDING  PROVISIONAL  TELL               PROCEEDING
PROCEEDING  SUCCESS      TELL               ACCEPTED
PROCEEDING  FAILURE      ACK,TELL           COMPLETED
PROCEEDING  CANCEL       CANCEL             CANCELLED
PROCEEDING  FORGET       -                  FORGOTTEN
FORGOTTEN   C            CANCEL             CANCELLED
FORGOTTEN   SUCCESS      TELL               ACCEPTED
FORGOTTEN   FAILURE      ACK,TELL           COMPLETED
FORGOTTEN   CANCEL       CANCEL             CANCELLED
CANCELLED   X            TELL_TIMEOUT       TERMINATED
CANCELLED   PROVISIONAL  TELL               CANCELLED
CANCELLED   SUCCESS      TELL               ACCEPTED
CANCELLED   FAILURE      ACK,TELL           COMPLETED
COMPLETED   D            -                  TERMINATED
COMPLETED   UNREACHABLE  -                  TERMINATED
COMPLETED   SUCCESS      TELL               COMPLETED
COMPLETED   FAILURE      ACK                COMPLETED
ACCEPTED    M            -                  TERMINATED
ACCEPTED    SUCCESS      TELL               ACCEPTED
"""
CLIENT = """
TRYING      E            SEND               TRYING
TRYING      F            TELL_TIMEOUT       TERMINATED
TRYING      UNREACHABLE  TELL_UNREACHABLE   TERMINATED
TRYING      PROVISIONAL  TELL               PROCEEDING
TRYING      SUCCESS      TELL               COMPLETED
TRYING      FAILURE      TELL               COMPLETED
PROCEEDING  E            SEND               PROCEEDING
PROCEEDING  F            TELL_TIMEOUT       TERMINATED
PROCEEDING  UNREACHABLE  TELL_UNREACHABLE   TERMINATED
PROCEEDING  PROVISIONAL  TELL               PROCEEDING
PROCEEDING  SUCCESS      TELL               COMPLETED
PROCEEDING  FAILURE      TELL               COMPLETED
COMPLETED   K            -                  TERMINATED
"""
INVITE_SERVER = """
PROCEEDING  REQUEST      REPEAT             PROCEEDING
PROCEEDING  ACK          TELL               PROCEEDING
PROCEEDING  PROVISIONAL  SEND               PROCEEDING
PROCEEDING  SUCCESS      PASS               ACCEPTED
PROCEEDING  FAILURE      SEND               COMPLETED
PROCEEDING  DROP         -                  DROPPED
DROPPED     N            -                  TERMINATED
DROPPED     ACK          TELL               DROPPED
COMPLETED   G            REPEAT             COMPLETED
COMPLETED   H            NOTE_NO_ACK        TERMINATED
COMPLETED   REQUEST      REPEAT             COMPLETED
COMPLETED   ACK          -                  CONFIRMED
COMPLETED   SUCCESS      PASS               COMPLETED
CONFIRMED   I            -                  TERMINATED
CONFIRMED   SUCCESS      PASS               CONFIRMED
ACCEPTED    L            -                  TERMINATED
ACCEPTED    ACK          TELL               ACCEPTED
ACCEPTED    SUCCESS      PASS               ACCEPTED
TERMINATED  SUCCESS      PASS               TERMINATED
"""
SERVER = """
TRYING      N            -                  TERMINATED
TRYING      PROVISIONAL  SEND               PROCEEDING
TRYING      SUCCESS      SEND               COMPLETED
TRYING      FAILURE      SEND               COMPLETED
PROCEEDING  N            -                  TERMINATED
PROCEEDING  REQUEST      REPEAT             PROCEEDING
PROCEEDING  PROVISIONAL  SEND               PROCEEDING
PROCEEDING  SUCCESS      SEND               COMPLETED
PROCEEDING  FAILURE      SEND               COMPLETED
COMPLETED   J            -                  TERMINATED
COMPLETED   REQUEST      REPEAT             COMPLETED
"""
FIGURES = {"invite client": INVITE_CLIENT, "client": CLIENT, "invite server": INVITE_SERVER, "server": SERVER}


def rows(figure: str) -> dict[tuple[str, str], tuple[tuple[str, ...], str]]:
    lines = [line.split() for line in figure.strip().splitlines()]
    return {
        (state, what): (() if acts == "-" else tuple(acts.split(",")), following)
        for state, what, acts, following in lines
    }
