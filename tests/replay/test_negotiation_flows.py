"""Whole call flows: the golden ones, and what goes wrong in them."""

from __future__ import annotations

import pytest

from events.names import BranchId
from replay.offer_answer import BranchStatus, Change
from replay.offer_answer.decide import decide
from tests.replay.sip_story import message, tell

ANSWERED = """
    C INVITE at=- sdp=o1 -> offer 1 (0)
    A 200 INVITE sdp=a1 -> answer 1 (1) established
    C ACK -> nothing (1)
"""


def test_a_bye_by_the_caller() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 100 INVITE -> nothing (0)
        A 180 INVITE -> nothing (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C ACK -> nothing (1)
        C BYE cseq=2 -> nothing (1) call ended
        A 200 BYE cseq=2 -> nothing (1)
    """)


def test_a_bye_by_the_callee() -> None:
    tell(ANSWERED + "A BYE cseq=7 -> nothing (1) call ended")


def test_b_183_then_200_with_the_same_sdp() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 -> answer 1 (0)
        A 183 INVITE sdp=a1 -> repeat 1 (0)
        A 200 INVITE sdp=a1 -> repeat 1 (1) established
        C ACK -> nothing (1)
        A BYE cseq=7 -> nothing (1) call ended
    """)


def test_b_183_then_200_with_new_sdp() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 -> answer 1 (0)
        A 200 INVITE sdp=a2 -> answer 1 (1) established
        A BYE cseq=7 -> nothing (1) call ended
    """)


def test_b_reliable_183_then_200_with_new_sdp() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        A 200 INVITE sdp=a2 -> answer 1 (1) established
        A 200 INVITE sdp=a2 -> repeat 1 (1)
        A 200 INVITE sdp=a3 -> illegal (1) !UNASKED
    """)


def test_a_200_after_an_update_only_repeats_what_the_update_agreed() -> None:
    update = """
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        C UPDATE cseq=3 sdp=o2 -> offer 2 (1)
        A 200 UPDATE cseq=3 sdp=a2 -> answer 2 (2)
    """
    tell(update + "A 200 INVITE sdp=a2 -> repeat 2 (2) established")
    tell(update + "A 200 INVITE sdp=a3 -> illegal (2) established !UNASKED")


def test_b2_183_with_sdp_200_without() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 -> answer 1 (0)
        A 200 INVITE -> nothing 1 (1) established
        C ACK -> nothing (1)
        C BYE cseq=2 -> nothing (1) call ended
    """)


def test_c_parallel_fork_engaged_for_all_branches() -> None:
    call = tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 branch=0 -> answer 1 (0)
        B 200 INVITE sdp=b1 branch=1 -> answer 1 (1) established
        C CANCEL at=- branch=0 -> nothing (0) cancelled
        A 487 INVITE branch=0 -> nothing (0) branch failed
        C ACK at=B -> nothing (1)
        C BYE at=B cseq=2 -> nothing (1) call ended
    """)
    assert call.dialogs() == []


def test_c2_parallel_fork_engaged_for_each_branch() -> None:
    call = tell("""
        C INVITE at=- sdp=o1 branch=0 -> offer 1 (0)
        C INVITE at=- sdp=o1 branch=1 -> offer 1 (0)
        C INVITE at=- sdp=o1 branch=1 -> repeat 1 (0)
        A 183 INVITE sdp=a1 branch=0 -> answer 1 (0)
        B 200 INVITE sdp=b1 branch=1 -> answer 1 (1) established
    """)
    assert call.branches(BranchStatus.TRYING) == ["0"]
    assert call.branches(BranchStatus.ESTABLISHED) == ["1"]
    assert call.dialogs(BranchId("0")) == ["tA"]
    tell(
        """
        C CANCEL at=- branch=0 -> nothing (0) cancelled
        A 487 INVITE branch=0 -> nothing (0) branch failed
        A 487 INVITE branch=0 -> nothing (0)
        B BYE cseq=7 -> nothing (1) call ended
        """,
        call,
    )


def test_a_serial_fork_goes_on_after_a_failure() -> None:
    tell("""
        C INVITE at=- sdp=o1 branch=0 -> offer 1 (0)
        A 183 INVITE sdp=a1 branch=0 -> answer 1 (0)
        A 486 INVITE branch=0 -> nothing (0) branch failed
        A 183 INVITE sdp=a1 branch=0 -> illegal (0) !ENDED
        C INVITE at=- sdp=o1 branch=1 -> offer 1 (0)
        B 200 INVITE sdp=b1 branch=1 -> answer 1 (1) established
    """)


def test_two_dialogs_on_one_branch_each_have_an_answer() -> None:
    call = tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=a1 -> answer 1 (1)
        B 183 INVITE sdp=b1 -> answer 1 (0)
        C UPDATE cseq=3 sdp=o2 -> offer 2 (1)
        B 200 INVITE sdp=b2 -> answer 1 (1) established
        A 200 UPDATE cseq=3 sdp=a2 -> answer 2 (2)
    """)
    assert call.dialogs() == ["tA", "tB"]


def test_two_callees_that_both_answered_each_have_a_dialog_until_its_bye() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 200 INVITE sdp=a1 branch=0 -> answer 1 (1) established
        B 200 INVITE sdp=b1 branch=1 -> answer 1 (1) established
        C BYE at=B cseq=2 -> nothing (1) dialog ended
        C BYE at=A cseq=2 -> nothing (1) call ended
    """)


def test_callees_with_the_same_tag_are_told_apart_by_branch() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 branch=0 -> answer 1 (0)
        A 200 INVITE sdp=b1 branch=1 -> answer 1 (1) established
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 487 INVITE branch=0 -> nothing (0) branch failed
    """)


def test_e_cancel_after_180_and_after_183() -> None:
    call = tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 180 INVITE branch=0 -> nothing (0)
        B 183 INVITE sdp=b1 branch=1 -> answer 1 (0)
        C CANCEL at=- -> nothing (0) cancelled
        A 487 INVITE branch=0 -> nothing (0) branch failed
        B 487 INVITE branch=1 -> nothing (0) branch failed
    """)
    assert call.dialogs() == []


def test_a_cancel_can_lose_the_race() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 180 INVITE -> nothing (0)
        C CANCEL at=- -> nothing (0) cancelled
        A 200 INVITE sdp=a1 -> answer 1 (1) established
        C CANCEL at=- -> nothing (0)
        C BYE cseq=2 -> nothing (1) call ended
    """)


def test_a_challenged_invite_comes_again() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 407 INVITE -> nothing (0) branch failed
        C ACK -> nothing (0)
        C INVITE at=- cseq=2 sdp=o1 -> offer 1 (0)
        A 200 INVITE cseq=2 sdp=a1 -> answer 1 (1) established
    """)


def test_g_late_offer() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 200 INVITE sdp=o1 -> offer 1 (0) established
        A 200 INVITE sdp=o1 -> repeat 1 (0)
        C ACK sdp=a1 -> answer 1 (1)
        A 200 INVITE sdp=o1 -> repeat 1 (1)
        C ACK sdp=a1 -> repeat 1 (1)
        C BYE cseq=2 -> nothing (1) call ended
    """)


@pytest.mark.parametrize(
    ("offer", "silence"),
    [
        ("C INVITE cseq=2 -> nothing (1)\nA 200 INVITE cseq=2 sdp=o2 -> offer 2 (1)", "C ACK cseq=2"),
        ("C INVITE cseq=2 sdp=o2 -> offer 2 (1)", "A 200 INVITE cseq=2"),
        ("A UPDATE cseq=7 sdp=o2 -> offer 2 (1)", "C 200 UPDATE cseq=7"),
        ("C INVITE cseq=2 -> nothing (1)\nA 183r INVITE cseq=2 sdp=o2 -> offer 2 (1)", "C PRACK cseq=3"),
    ],
)
def test_an_offer_without_an_answer_leaves_the_agreement_and_makes_way_for_the_next(offer: str, silence: str) -> None:
    call = tell(f"{ANSWERED}\n{offer}\n{silence} -> nothing 2 (1) rejected !UNANSWERED")
    if (
        " 200 " not in silence
    ):  # a request that comes again has still to be undone, if the first copy was not in the end
        assert decide(call, message(silence)).again is Change.REJECTED
    tell("C UPDATE cseq=9 sdp=o3 -> offer 3 (1)\nA 200 UPDATE cseq=9 sdp=a3 -> answer 3 (3)", call)


def test_a_late_offer_without_an_answer_is_named() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 200 INVITE sdp=o1 -> offer 1 (0) established
        C ACK -> nothing 1 (0) rejected !UNANSWERED
        C INVITE cseq=2 sdp=o2 -> offer 2 (0)
        A 200 INVITE cseq=2 sdp=a2 -> answer 2 (2)
    """)


def test_a_late_offer_in_an_unreliable_183_is_a_preview_of_that_in_the_200() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183 INVITE sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=o1 -> repeat 1 (0)
        A 200 INVITE sdp=o1 -> repeat 1 (0) established
        C ACK sdp=a1 -> answer 1 (1)
    """)


def test_the_200_may_offer_something_else_than_the_preview() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183 INVITE sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=o2 -> offer 2 (0)
        A 183r INVITE sdp=o3 -> offer 3 (0)
        C PRACK cseq=2 sdp=a3 -> answer 3 (3)
        A 200 INVITE -> nothing (3) established
    """)


def test_a_200_without_sdp_offers_what_was_shown_before() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183 INVITE sdp=o1 -> offer 1 (0)
        A 200 INVITE -> nothing 1 (0) established
        A 200 INVITE -> nothing (0)
        C ACK sdp=a1 -> answer 1 (1)
    """)


def test_a_preview_of_a_re_invites_offer_goes_with_the_re_invite() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 -> nothing (1)
        A 183 INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 488 INVITE cseq=2 -> nothing 2 (1) rejected
        C ACK cseq=2 sdp=a2 -> illegal (1) !UNASKED
        """
    )


def test_an_update_while_it_rings_leaves_the_invites_offer_open() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 180 INVITE -> nothing (0)
        A UPDATE cseq=9 sdp=o2 -> offer 2 (0)
        C 200 UPDATE cseq=9 sdp=a2 -> answer 2 (2)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
    """)


def test_an_update_that_is_refused_while_it_rings_changes_nothing() -> None:
    for status in (491, 500, 481):
        tell(f"""
            C INVITE at=- sdp=o1 -> offer 1 (0)
            A 180 INVITE -> nothing (0)
            C UPDATE cseq=2 sdp=o2 -> offer 2 (0)
            A {status} UPDATE cseq=2 -> nothing 2 (0) rejected
            A 200 INVITE sdp=a1 -> answer 1 (1) established
        """)


def test_who_answers_an_update_takes_the_preview_for_the_answer() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 -> answer 1 (0)
        C UPDATE cseq=2 sdp=o2 -> offer 2 (0)
        A 200 UPDATE cseq=2 sdp=a2 -> answer 2 (2)
        A 183 INVITE sdp=a3 -> illegal (2) !UNASKED
        A 200 INVITE sdp=a2 -> repeat 2 (2) established
        C ACK -> nothing (2)
    """)


def test_the_200_may_overtake_an_updates_answer() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 183 INVITE sdp=a1 -> answer 1 (0)
        C UPDATE cseq=2 sdp=o2 -> offer 2 (0)
        A 183 INVITE sdp=a1 -> repeat 1 (0)
        A 200 INVITE sdp=a1 -> repeat 1 (1) established
        A 200 UPDATE cseq=2 sdp=a2 -> answer 2 (2)
    """)


def test_an_updates_offer_that_nobody_answers_leaves_the_invites_open() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 180 INVITE -> nothing (0)
        C UPDATE cseq=2 sdp=o2 -> offer 2 (0)
        A UPDATE cseq=9 sdp=o3 -> illegal (0) !GLARE
        A 200 UPDATE cseq=2 -> nothing 2 (0) rejected !UNANSWERED
        A 183r INVITE sdp=a1 -> answer 1 (1)
    """)


def test_an_update_may_make_the_first_offer() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 180 INVITE -> nothing (0)
        C UPDATE cseq=2 sdp=o1 -> offer 1 (0)
        A 200 UPDATE cseq=2 sdp=a1 -> answer 1 (1)
        A 200 INVITE sdp=o2 -> offer 2 (1) established
        C ACK sdp=a2 -> answer 2 (2)
    """)


def test_a_late_offer_in_a_reliable_183_may_be_shown_again_in_the_200() -> None:
    tell("""
        C INVITE at=- -> nothing (0)
        A 183r INVITE sdp=o1 -> offer 1 (0)
        A 183r INVITE sdp=o1 -> repeat 1 (0)
        C PRACK cseq=2 sdp=a1 -> answer 1 (1)
        C PRACK cseq=2 sdp=a1 -> repeat 1 (1)
        A 200 INVITE sdp=o1 -> repeat 1 (1) established
        C ACK -> nothing (1)
    """)


def test_h_hold_and_resume_by_the_caller() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=hold -> offer 2 (1)
        C INVITE cseq=2 sdp=hold -> repeat 2 (1)
        A 200 INVITE cseq=2 sdp=held -> answer 2 (2)
        C INVITE cseq=2 sdp=hold -> repeat 2 (2)
        C INVITE cseq=3 sdp=o1 -> offer 3 (2)
        A 200 INVITE cseq=3 sdp=a1 -> answer 3 (3)
        """
    )


def test_h_a_refresh_with_the_same_bodies_is_a_new_exchange() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o1 -> offer 2 (1)
        A 200 INVITE cseq=2 sdp=a1 -> answer 2 (2)
        """
    )


def test_h_re_invite_without_sdp_from_either_side() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 -> nothing (1)
        A 200 INVITE cseq=2 sdp=a1 -> offer 2 (1)
        C ACK cseq=2 sdp=o1 -> answer 2 (2)
        A INVITE cseq=7 -> nothing (2)
        C 200 INVITE cseq=7 sdp=o1 -> offer 3 (2)
        A ACK cseq=7 sdp=a1 -> answer 3 (3)
        """
    )


def test_h_a_rejected_re_invite_leaves_the_old_agreement() -> None:
    tell(
        ANSWERED
        + """
        A INVITE cseq=7 sdp=o2 -> offer 2 (1)
        C 488 INVITE cseq=7 -> nothing 2 (1) rejected
        A ACK cseq=7 -> nothing (1)
        A INVITE cseq=8 sdp=o3 -> offer 3 (1)
        C 200 INVITE cseq=8 sdp=a3 -> answer 3 (3)
        """
    )


def test_h_a_re_invite_rejected_after_its_early_answer_leaves_the_old_agreement() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 183r INVITE cseq=2 sdp=a2 -> answer 2 (2)
        A 488 INVITE cseq=2 -> nothing 2 (1) rejected
        """
    )


def test_h_a_re_invite_rejected_after_a_preview_leaves_the_old_agreement() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 183 INVITE cseq=2 sdp=a2 -> answer 2 (1)
        A 488 INVITE cseq=2 sdp=could -> nothing 2 (1) rejected
        """
    )


@pytest.mark.parametrize(
    "later", ["", "C UPDATE cseq=3 sdp=o3 -> offer 3 (2)\nA 200 UPDATE cseq=3 sdp=a3 -> answer 3 (3)"]
)
def test_h_a_failure_of_another_copy_of_an_accepted_re_invite_has_nothing_to_undo(later: str) -> None:
    call = tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        C INVITE cseq=2 sdp=o2 -> repeat 2 (1)
        A 200 INVITE cseq=2 sdp=a2 -> answer 2 (2)
        C ACK cseq=2 -> nothing (2)
        """
        + later
    )
    verdict = decide(call, message("A 408 INVITE cseq=2"))
    assert (verdict.change, verdict.again, verdict.steps) == (Change.NONE, Change.NONE, ())


def test_h_a_failure_that_comes_again_has_to_be_undone_until_something_newer_is_agreed() -> None:
    call = tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A 183r INVITE cseq=2 sdp=a2 -> answer 2 (2)
        A 488 INVITE cseq=2 -> nothing 2 (1) rejected
        """
    )
    assert decide(call, message("A 488 INVITE cseq=2")).again is Change.REJECTED
    call = tell("A UPDATE cseq=7 sdp=o3 -> offer 3 (1)\nC 200 UPDATE cseq=7 sdp=a3 -> answer 3 (3)", call)
    assert decide(call, message("A 488 INVITE cseq=2")).again is Change.NONE


def test_h_a_re_invite_without_sdp_that_fails_rejects_no_offer() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 -> nothing (1)
        A 488 INVITE cseq=2 -> nothing (1)
        C INVITE cseq=3 -> nothing (1)
        A 183 INVITE cseq=3 sdp=o2 -> offer 2 (1)
        A 488 INVITE cseq=3 -> nothing 2 (1) rejected
        """
    )


def test_h_a_cancelled_re_invite_ends_no_branch() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        C CANCEL cseq=2 -> nothing (0)
        A 487 INVITE cseq=2 -> nothing 2 (1) rejected
        """
    )


def test_i_update_with_and_without_sdp() -> None:
    tell(
        ANSWERED
        + """
        C UPDATE cseq=2 sdp=o2 -> offer 2 (1)
        A 200 UPDATE cseq=2 sdp=a2 -> answer 2 (2)
        A 200 UPDATE cseq=2 sdp=a2 -> repeat 2 (2)
        A UPDATE cseq=7 -> nothing (2)
        C 200 UPDATE cseq=7 -> nothing (2)
        """
    )


def test_i_a_rejected_update_leaves_the_old_agreement() -> None:
    tell(
        ANSWERED
        + """
        C UPDATE cseq=2 sdp=o2 -> offer 2 (1)
        A 488 UPDATE cseq=2 -> nothing 2 (1) rejected
        A 488 UPDATE cseq=2 -> nothing (1)
        """
    )


def test_crossing_re_invites_are_glare_and_both_rejected() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        A INVITE cseq=7 sdp=o3 -> illegal (1) !GLARE
        A INVITE cseq=7 sdp=o3 -> illegal (1) !GLARE
        C 491 INVITE cseq=7 -> nothing (1)
        A 491 INVITE cseq=2 -> nothing 2 (1) rejected
        A INVITE cseq=8 sdp=o3 -> offer 3 (1)
        C 200 INVITE cseq=8 sdp=a3 -> answer 3 (3)
        """
    )


def test_a_glared_request_that_is_answered_all_the_same_changes_nothing() -> None:
    tell(
        ANSWERED
        + """
        C UPDATE cseq=2 sdp=o2 -> offer 2 (1)
        A UPDATE cseq=2 sdp=o3 -> illegal (1) !GLARE
        C 200 UPDATE cseq=2 sdp=a3 -> illegal (1) !OVERLAP
        A 200 UPDATE cseq=2 sdp=a2 -> answer 2 (2)
        """
    )


def test_a_second_offer_of_the_same_side_overlaps() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        C UPDATE cseq=3 sdp=o3 -> illegal (1) !OVERLAP
        A 500 UPDATE cseq=3 -> nothing (1)
        A 200 INVITE cseq=2 sdp=a2 -> answer 2 (2)
        """
    )


def test_a_second_offer_is_no_repeat_though_it_has_the_same_body() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 sdp=o2 -> offer 2 (1)
        C UPDATE cseq=3 sdp=o2 -> illegal (1) !OVERLAP
        """
    )


def test_an_update_outlives_the_re_invite_it_came_in() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 -> nothing (1)
        A UPDATE cseq=7 sdp=o2 -> offer 2 (1)
        A 488 INVITE cseq=2 -> nothing (1)
        C 200 UPDATE cseq=7 sdp=a2 -> answer 2 (2)
        """
    )


def test_a_reliable_180_without_sdp_leaves_the_answer_to_the_200() -> None:
    tell("""
        C INVITE at=- sdp=o1 -> offer 1 (0)
        A 180r INVITE -> nothing (0)
        C PRACK cseq=2 -> nothing (0)
        A 200 PRACK cseq=2 -> nothing (0)
        A 200 INVITE sdp=a1 -> answer 1 (1) established
    """)


def test_an_update_while_a_re_invite_asks_for_an_offer() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=2 -> nothing (1)
        A UPDATE cseq=7 sdp=o2 -> offer 2 (1)
        A 183r INVITE cseq=2 sdp=o3 -> illegal (1) !OVERLAP
        C 200 UPDATE cseq=7 sdp=a2 -> answer 2 (2)
        A 200 INVITE cseq=2 sdp=o3 -> offer 3 (2)
        C ACK cseq=2 sdp=a3 -> answer 3 (3)
        """
    )


def test_older_and_altered_requests_are_stale() -> None:
    tell(
        ANSWERED
        + """
        C INVITE cseq=5 sdp=o2 -> offer 2 (1)
        A 200 INVITE cseq=5 sdp=a2 -> answer 2 (2)
        C INVITE cseq=5 sdp=o9 -> illegal (2) !STALE
        C INVITE cseq=4 sdp=o9 -> illegal (2) !STALE
        C INVITE at=- sdp=o9 -> illegal (0) !STALE
        """
    )


def test_an_ended_dialog_is_not_resurrected() -> None:
    tell(
        ANSWERED
        + """
        A BYE cseq=7 -> nothing (1) call ended
        C INVITE cseq=2 sdp=o2 -> illegal (1) !ENDED
        A 200 INVITE sdp=a1 -> repeat 1 (1)
        A BYE cseq=7 -> nothing (1)
        """
    )


def test_a_dialog_that_was_never_seen_is_unknown() -> None:
    tell("""
        C INVITE cseq=2 sdp=o2 -> illegal (0) !UNKNOWN
        A UPDATE cseq=2 -> nothing (0) !UNKNOWN
        C BYE cseq=3 -> nothing (0)
    """)


def test_bodies_without_a_place_are_nothing() -> None:
    tell(
        ANSWERED
        + """
        C INFO cseq=2 sdp=x -> nothing (1)
        A 200 OPTIONS cseq=3 sdp=x -> nothing (1)
        """
    )
