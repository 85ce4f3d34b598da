"""RFC 6337's Table 1, row by row, and the whole of ours, cell by cell."""

from __future__ import annotations

import pytest

from replay.offer_answer.decide import decide
from replay.offer_answer.place import Place, place_of
from replay.offer_answer.table import OPEN_IN, TABLE, Cell, Phase
from tests.replay.sip_story import message, tell


def test_pattern_1_invite_answered_in_2xx_initial() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C ACK -> nothing (1)
    """)


def test_pattern_1_invite_answered_in_2xx_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C ACK -> nothing (1)
        A INVITE cseq=7 sdp=o2 -> offer 2 (1)
        C 200 INVITE cseq=7 sdp=a2 -> answer 2 (2)
        A ACK cseq=7 -> nothing (2)
    """)


def test_pattern_1_not_early() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        A INVITE cseq=7 sdp=o2 -> illegal (1) !GLARE
        C INVITE cseq=2 sdp=o2 -> illegal (1) !OVERLAP
    """)


def test_pattern_2_2xx_answered_in_ack_initial() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 180 INVITE -> nothing (0)
        A 200 INVITE sdp=o1 -> offer 1 (0) established
        C ACK sdp=a1 -> answer 1 (1)
    """)


def test_pattern_2_2xx_answered_in_ack_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C ACK -> nothing (1)
        C INVITE cseq=2 -> nothing (1)
        A 200 INVITE cseq=2 sdp=o2 -> offer 2 (1)
        C ACK cseq=2 sdp=a2 -> answer 2 (2)
    """)


def test_pattern_2_not_early() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183r INVITE sdp=o1 -> offer 1 (0)
        C PRACK cseq=2 sdp=a1 -> answer 1 (1)
        C INVITE cseq=3 -> nothing (1) !OVERLAP
        A 200 INVITE cseq=3 sdp=o2 -> illegal (1) !UNASKED
    """)


def test_pattern_3_invite_answered_in_reliable_1xx_initial() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        C PRACK cseq=2 -> nothing (1)
        A 200 PRACK cseq=2 -> nothing (1)
        A 200 INVITE -> nothing (1) established
        C ACK -> nothing (1)
    """)


def test_pattern_3_invite_answered_in_reliable_1xx_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        A INVITE cseq=7 sdp=o2 -> offer 2 (1)
        C 183r INVITE cseq=7 sdp=a2 -> answer 2 (2)
        A PRACK cseq=8 -> nothing (2)
        C 200 INVITE cseq=7 -> nothing (2)
        A ACK cseq=7 -> nothing (2)
    """)


def test_pattern_4_reliable_1xx_answered_in_prack_initial() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183r INVITE sdp=o1 -> offer 1 (0)
        C PRACK cseq=2 sdp=a1 -> answer 1 (1)
        A 200 PRACK cseq=2 -> nothing (1)
        A 200 INVITE -> nothing (1) established
        C ACK -> nothing (1)
    """)


def test_pattern_4_reliable_1xx_answered_in_prack_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        A INVITE cseq=7 -> nothing (1)
        C 183r INVITE cseq=7 sdp=o2 -> offer 2 (1)
        A PRACK cseq=8 sdp=a2 -> answer 2 (2)
        C 200 PRACK cseq=8 -> nothing (2)
        C 200 INVITE cseq=7 -> nothing (2)
    """)


def test_pattern_5_prack_answered_in_its_2xx_early() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        C PRACK cseq=2 sdp=o2 -> offer 2 (1)
        A 200 PRACK cseq=2 sdp=a2 -> answer 2 (2)
        A 200 INVITE -> nothing (2) established
    """)


def test_pattern_5_prack_answered_in_its_2xx_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 183r INVITE cseq=2 sdp=a2 -> answer 2 (2)
        C PRACK cseq=3 sdp=o3 -> offer 3 (2)
        A 200 PRACK cseq=3 sdp=a3 -> answer 3 (3)
    """)


def test_pattern_5_not_initial() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 180r INVITE -> nothing (0)
        C PRACK cseq=2 sdp=o1 -> illegal (0) !PREMATURE
    """)


def test_pattern_6_update_answered_in_its_2xx_early() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        C UPDATE cseq=3 sdp=o2 -> offer 2 (1)
        A 200 UPDATE cseq=3 sdp=a2 -> answer 2 (2)
        A UPDATE cseq=7 sdp=o3 -> offer 3 (2)
        C 200 UPDATE cseq=7 sdp=a3 -> answer 3 (3)
        A 200 INVITE -> nothing (3) established
    """)


def test_pattern_6_update_answered_in_its_2xx_established() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        A UPDATE cseq=7 sdp=o2 -> offer 2 (1)
        C 200 UPDATE cseq=7 sdp=a2 -> answer 2 (2)
    """)


def test_pattern_6_not_initial_by_the_rfc_but_taken() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 180 INVITE -> nothing (0)
        C UPDATE cseq=2 sdp=o1 -> offer 1 (0)
        A 200 UPDATE cseq=2 sdp=a1 -> answer 1 (1)
    """)


PATTERNS = [
    (Phase.INVITE, Place.ACCEPT),
    (Phase.PREVIEWED, Place.ACCEPT),
    (Phase.ACCEPT, Place.ACK),
    (Phase.INVITE, Place.RELIABLE),
    (Phase.PREVIEWED, Place.RELIABLE),
    (Phase.RELIABLE, Place.PRACK),
    (Phase.PRACK, Place.PRACK_ACCEPT),
    (Phase.UPDATE, Place.UPDATE_ACCEPT),
]


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("place", Place)
def test_only_the_six_patterns_answer(phase: Phase, place: Place) -> None:
    assert (TABLE[phase][place] is Cell.ANSWER) is ((phase, place) in PATTERNS)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("place", Place)
def test_a_cell_fits_its_phase(phase: Phase, place: Place) -> None:
    cell = TABLE[phase][place]
    if phase in {*OPEN_IN.values(), Phase.PREVIEWED}:
        assert cell in (Cell.ANSWER, Cell.SHOWN, Cell.BESIDE, Cell.BUSY)
    else:
        assert cell not in (Cell.ANSWER, Cell.SHOWN, Cell.BESIDE)
    if cell is Cell.OFFER:
        assert place in OPEN_IN
    if cell is Cell.MORE:
        assert phase is Phase.ANSWERED


# A story that leads to each phase; the one INVITE in question is the caller's CSeq 1, or 2 where one came before.
CALL = "C INVITE at=- sdp=o1 -> offer 1 (0)\nA 200 INVITE sdp=a1 -> answer 1 (1) established\n"
EARLY = "C INVITE at=- sdp=o1 -> offer 1 (0)\nA 183r INVITE sdp=a1 -> answer 1 (1)\n"
LEADS_TO = {
    Phase.FRESH: "C INVITE at=- sdp=o1 -> offer 1 (0)\nA 200 INVITE -> nothing 1 (0) established !UNANSWERED",
    Phase.FIRST_ASKED: "C INVITE at=- -> nothing (0)\nA 180 INVITE -> nothing (0)",
    Phase.ASKED: CALL + "C INVITE cseq=2 -> nothing (1)",
    Phase.ANSWERED: EARLY,
    Phase.PENDING: EARLY + "A UPDATE cseq=9 sdp=o2 -> offer 2 (1)\nC 200 UPDATE cseq=9 sdp=a2 -> answer 2 (2)",
    Phase.AGREED: CALL,
    Phase.INVITE: "C INVITE at=- sdp=o1 -> offer 1 (0)\nA 180 INVITE -> nothing (0)",
    Phase.PREVIEWED: "C INVITE at=- sdp=o1 -> offer 1 (0)\nA 183 INVITE sdp=a1 -> answer 1 (0)",
    Phase.RELIABLE: "C INVITE at=- -> nothing (0)\nA 183r INVITE sdp=o1 -> offer 1 (0)",
    Phase.ACCEPT: "C INVITE at=- -> nothing (0)\nA 200 INVITE sdp=o1 -> offer 1 (0) established",
    Phase.PRACK: EARLY + "C PRACK cseq=5 sdp=o2 -> offer 2 (1)",
    Phase.UPDATE: EARLY + "C UPDATE cseq=5 sdp=o2 -> offer 2 (1)",
}
SAYS = {
    Cell.OFFER: "offer",
    Cell.ANSWER: "answer",
    Cell.SHOWN: "answer",
    Cell.MORE: "answer",
    Cell.EARLY: "offer",
    Cell.BESIDE: "offer",
    Cell.BUSY: "illegal",
    Cell.STRAY: "illegal",
    Cell.SOON: "illegal",
}
"""The role of a body that was not seen before, by its cell."""

CARRIES = {
    Place.INVITE: "C INVITE cseq=6",
    Place.PROVISIONAL: "A 183 INVITE",
    Place.RELIABLE: "A 183r INVITE",
    Place.ACCEPT: "A 200 INVITE",
    Place.ACK: "C ACK",
    Place.PRACK: "C PRACK cseq=6",
    Place.PRACK_ACCEPT: "A 200 PRACK cseq=5",
    Place.UPDATE: "C UPDATE cseq=6",
    Place.UPDATE_ACCEPT: "A 200 UPDATE cseq=5",
}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("place", Place)
def test_each_cell_is_what_a_call_does(phase: Phase, place: Place) -> None:
    call = tell(LEADS_TO[phase])
    assert call.to_dict()["dialogs"]
    invite = "" if "cseq" in CARRIES[place] else f" cseq={2 if phase is Phase.ASKED else 1}"
    assert decide(call, message(f"{CARRIES[place]}{invite} sdp=new")).role == SAYS[TABLE[phase][place]]


@pytest.mark.parametrize(
    ("method", "status", "reliable"),
    [
        ("OPTIONS", 200, False),
        ("INVITE", 100, False),
        ("INVITE", 488, False),
        ("UPDATE", 183, True),
        ("INFO", None, False),
        ("BYE", None, False),
        ("CANCEL", 200, False),
    ],
)
def test_bodies_that_are_neither_offer_nor_answer_have_no_place(
    method: str, status: int | None, reliable: bool
) -> None:
    assert place_of(method, status, reliable=reliable) is None
