"""Requests that never got their final response, as far as the journal knows, stand in nobody's way for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.results import Observed
from replay.offer_answer import Fault, Role
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall


@pytest.fixture
def call() -> Iterator[SipCall]:
    cluster = Cluster()
    yield SipCall(cluster)
    cluster.close()


def said(observed: Observed) -> tuple[Role, Fault]:
    """Return the role and the fault of a verdict."""
    assert observed.verdict is not None
    return observed.verdict.role, observed.fault


@pytest.mark.parametrize("first", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("second", ["INVITE", "UPDATE"])
def test_who_asks_again_is_heard_when_the_one_before_must_be_over(call: SipCall, first: str, second: str) -> None:
    call.begin()
    call.tell(f"C {first} at=A cseq=2 sdp=c2")
    call.cluster.after(3)
    assert said(call.tell(f"C {second} at=A cseq=3 sdp=c3")) == (Role.ILLEGAL, Fault.OVERLAP)
    call.cluster.after(30)
    assert said(call.tell(f"C {second} at=A cseq=4 sdp=c4")) == (Role.OFFER, Fault.NONE)
    assert said(call.tell(f"A 200 {second} cseq=4 sdp=a4")) == (Role.ANSWER, Fault.NONE)
    assert said(call.tell("A INVITE cseq=1 sdp=a5")) == (Role.OFFER, Fault.NONE)


@pytest.mark.parametrize(("first", "seconds"), [("INVITE", 192), ("UPDATE", 33)])
def test_so_is_the_other_side_which_waits_longer_for_an_invite(call: SipCall, first: str, seconds: int) -> None:
    call.begin()
    call.tell(f"C {first} at=A cseq=2 sdp=c2")
    call.cluster.after(seconds - 10)
    assert said(call.tell("A INVITE cseq=1 sdp=a2")) == (Role.ILLEGAL, Fault.GLARE)
    call.cluster.after(10)
    assert said(call.tell("A INVITE cseq=2 sdp=a3")) == (Role.OFFER, Fault.NONE)
    call.cluster.check_versions()


def test_a_request_that_has_its_response_is_in_nobodys_way(call: SipCall) -> None:
    call.begin()
    call.tell("C INVITE at=A cseq=2 sdp=c2")
    call.tell("A 503 INVITE cseq=2")
    assert said(call.tell("C INVITE at=A cseq=3 sdp=c3")) == (Role.OFFER, Fault.NONE)
    call.tell("A 200 INVITE cseq=3 sdp=a3")
    assert call.sip_dialogs.awaiting == {}
