"""Requests that never got their final response, as far as the journal knows, stand in nobody's way for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.flows.sip.observe import VERDICT
from engines.ng.bencode import NgDict
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall


@pytest.fixture
def call() -> Iterator[SipCall]:
    cluster = Cluster()
    yield SipCall(cluster)
    cluster.close()


def said(reply: NgDict) -> tuple[bytes, bytes]:
    """Return the role and the fault of a reply's verdict."""
    verdict = reply[VERDICT]
    assert isinstance(verdict, dict)
    role, fault = verdict[b"role"], verdict.get(b"fault", b"")
    assert isinstance(role, bytes)
    assert isinstance(fault, bytes)
    return role, fault


@pytest.mark.parametrize("first", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("second", ["INVITE", "UPDATE"])
def test_who_asks_again_is_heard_when_the_one_before_must_be_over(call: SipCall, first: str, second: str) -> None:
    call.begin()
    call.tell(f"C {first} at=A cseq=2 sdp=c2")
    call.cluster.after(3)
    assert said(call.tell(f"C {second} at=A cseq=3 sdp=c3")) == (b"illegal", b"OVERLAP")
    call.cluster.after(30)
    assert said(call.tell(f"C {second} at=A cseq=4 sdp=c4")) == (b"offer", b"")
    assert said(call.tell(f"A 200 {second} cseq=4 sdp=a4")) == (b"answer", b"")
    assert said(call.tell("A INVITE cseq=1 sdp=a5")) == (b"offer", b"")


@pytest.mark.parametrize(("first", "seconds"), [("INVITE", 192), ("UPDATE", 33)])
def test_so_is_the_other_side_which_waits_longer_for_an_invite(call: SipCall, first: str, seconds: int) -> None:
    call.begin()
    call.tell(f"C {first} at=A cseq=2 sdp=c2")
    call.cluster.after(seconds - 10)
    assert said(call.tell("A INVITE cseq=1 sdp=a2")) == (b"illegal", b"GLARE")
    call.cluster.after(10)
    assert said(call.tell("A INVITE cseq=2 sdp=a3")) == (b"offer", b"")
    call.cluster.check_versions()


def test_a_request_that_has_its_response_is_in_nobodys_way(call: SipCall) -> None:
    call.begin()
    call.tell("C INVITE at=A cseq=2 sdp=c2")
    call.tell("A 503 INVITE cseq=2")
    assert said(call.tell("C INVITE at=A cseq=3 sdp=c3")) == (b"offer", b"")
    call.tell("A 200 INVITE cseq=3 sdp=a3")
    assert call.sip_dialogs.awaiting == {}
