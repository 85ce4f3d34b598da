"""The offer/answer table: what a session description in a SIP message is.

RFC 3264 knows two kinds of body: an offer, and the answer to it. It does not say which messages carry them. RFC 3261
(13, 14), 3262 (5) and 3311 (5) do, each for its own method; RFC 6337 gathers them as six patterns:

    ==  ============================  ============================  =======  ==========  =====
    no  the offer is in               its answer is in              the 1st  established early
    ==  ============================  ============================  =======  ==========  =====
    1   INVITE                        2xx to it                     yes      yes         no
    2   2xx to an INVITE without SDP  ACK                           yes      yes         no
    3   INVITE                        reliable 1xx to it            yes      yes         no
    4   reliable 1xx (no SDP before)  PRACK                         yes      yes         no
    5   PRACK                         2xx to it                     no       yes         yes
    6   UPDATE                        2xx to it                     no       yes         yes
    ==  ============================  ============================  =======  ==========  =====

So what a body is follows from two things alone: the *place* it stands in (a column of the table), and the *phase* that
its dialog is in (a row), which is what the bodies before it have left behind. In a phase with an open offer exactly
one thing may come: the answer, in the place that the offer's pattern names. In a phase without one, only a place that
begins a pattern may carry a body. The rest is named as the mistake it is, and never mistaken for nothing.

These things go beyond the patterns:

- *Previews.* An unreliable 1xx cannot carry an answer, but it may show the one to come (RFC 3261 13.2.1), and media
  flows by it. So a relay has to treat it as an answer, and the offer stays open for the real one.
- *More answers.* The answer in the 2xx is to be the same as in the 1xx before it. Where it is another, callers in the
  field go by the last one, so a relay has to follow: it is another answer to the same offer. Once another exchange
  has come between, it is not.
- *Silence.* A 2xx without SDP after a preview makes the preview the answer. Any other last message of a pattern that
  has no body leaves the offer without an answer: it counts as rejected, and the agreement before it stands.
- *Offers shown early.* An unreliable 1xx to an INVITE without SDP cannot make the offer either, but devices show in it
  the one that their 2xx will make. It is relayed like an offer, and nobody has to answer it: what the 2xx has is the
  offer, and if that has no body, then it is the one that was shown.
- *Offers in a hurry.* An UPDATE with an offer while that of the initial INVITE has no answer is for its receiver to
  refuse (RFC 3311 5.2). Many do not, since they take a preview for the answer, or the newer offer for the better one.
  So it goes on, *beside* the INVITE's offer: refused or left without an answer, it has changed nothing; answered, it is
  what is agreed on, and the INVITE's offer stays open only if there was no preview of its answer. An UPDATE may be the
  first to offer at all, too.
- *Failure.* A re-INVITE or UPDATE that fails leaves the agreement as it was before that request (RFC 3261 14.1,
  RFC 3311 5.3; for what was agreed while the re-INVITE went on, RFC 6141 3). One that was accepted stays so: a failure
  that comes after the 2xx is that of another copy, which went by another control node, and undoes nothing.

Each dialog of a forked INVITE goes through the table by itself: the one offer is open in each of them (RFC 3261 13.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from replay.offer_answer.place import Place


class Phase(StrEnum):
    """What the bodies before have left behind in a dialog: a row."""

    # No offer is open.
    FRESH = "nothing is agreed"
    FIRST_ASKED = "the first INVITE had no SDP: its receiver is to make the first offer"
    ASKED = "an INVITE without SDP goes on: its receiver is to make an offer"
    ANSWERED = "an INVITE goes on, and its offer has its answer"
    PENDING = "an INVITE goes on, and something later than its offer is agreed"
    AGREED = "the last offer has its answer"
    # An offer is open, made in ...
    INVITE = "an INVITE's offer is open"
    PREVIEWED = "an INVITE's offer is open, its answer was shown"
    RELIABLE = "a reliable 1xx's offer is open"
    ACCEPT = "a 2xx's offer is open"
    PRACK = "a PRACK's offer is open"
    UPDATE = "an UPDATE's offer is open"


class Cell(StrEnum):
    """What a body is, by phase and place."""

    OFFER = "an offer"
    ANSWER = "the answer to the open offer"
    SHOWN = "a preview of the answer to the open offer"
    MORE = "another answer to the offer answered last"
    EARLY = "a preview of the offer to come"
    BESIDE = "an offer beside that of the initial INVITE"
    # Mistakes:
    BUSY = "an offer is open, and this is not its answer"
    STRAY = "neither is an offer open nor may one be made here"
    SOON = "an offer, where the first one may not be made"


def _row(*cells: Cell) -> Mapping[Place, Cell]:
    return MappingProxyType(dict(zip(Place, cells, strict=True)))


OFFER, ANSWER, SHOWN, MORE = Cell.OFFER, Cell.ANSWER, Cell.SHOWN, Cell.MORE
EARLY, BESIDE, BUSY, STRAY, SOON = Cell.EARLY, Cell.BESIDE, Cell.BUSY, Cell.STRAY, Cell.SOON

# fmt: off
TABLE: Mapping[Phase, Mapping[Place, Cell]] = MappingProxyType({
    #                        INVITE 1xx    1xx-rel 2xx     ACK     PRACK   2xx/PRACK UPDATE 2xx/UPDATE
    Phase.FRESH:       _row(OFFER, STRAY, STRAY,  STRAY,  STRAY,  SOON,   STRAY,    OFFER, STRAY),
    Phase.FIRST_ASKED: _row(BUSY,  EARLY, OFFER,  OFFER,  STRAY,  SOON,   STRAY,    OFFER, STRAY),
    Phase.ASKED:       _row(BUSY,  EARLY, OFFER,  OFFER,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.ANSWERED:    _row(BUSY,  MORE,  MORE,   MORE,   STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.PENDING:     _row(BUSY,  STRAY, STRAY,  STRAY,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.AGREED:      _row(OFFER, STRAY, STRAY,  STRAY,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.INVITE:      _row(BUSY,  SHOWN, ANSWER, ANSWER, BUSY,   BUSY,   BUSY,     BESIDE, BUSY),
    Phase.PREVIEWED:   _row(BUSY,  SHOWN, ANSWER, ANSWER, BUSY,   BUSY,   BUSY,     BESIDE, BUSY),
    Phase.RELIABLE:    _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   ANSWER, BUSY,     BUSY,  BUSY),
    Phase.ACCEPT:      _row(BUSY,  BUSY,  BUSY,   BUSY,   ANSWER, BUSY,   BUSY,     BUSY,  BUSY),
    Phase.PRACK:       _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   BUSY,   ANSWER,   BUSY,  BUSY),
    Phase.UPDATE:      _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   BUSY,   BUSY,     BUSY,  ANSWER),
})
# fmt: on
"""What a body is. The cells hold for messages of the transaction that the phase speaks of; a body of any other one is
BUSY where an offer is open, and STRAY where none is, unless its request begins an exchange of its own. BESIDE holds
until the dialog is established: a re-INVITE's offer is not overtaken, and BUSY stands there."""

OPEN_IN: Mapping[Place, Phase] = MappingProxyType(
    {
        Place.INVITE: Phase.INVITE,
        Place.RELIABLE: Phase.RELIABLE,
        Place.ACCEPT: Phase.ACCEPT,
        Place.PRACK: Phase.PRACK,
        Place.UPDATE: Phase.UPDATE,
    }
)
"""The phase that an offer in a place brings about; the places that are not here never carry one."""
