"""What scripts see of requests, branches, responses and failures, and what they decide."""

from __future__ import annotations

from typing import Any

import pytest
from sipmessage import Request as SipRequest

from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.hooks import Answer, ProxyTarget
from gateways.sip.script.branch_views import Branch, Failure, Local, Reply
from gateways.sip.script.decisions import Decision, Drop, Forward, RoutingError, Undecided
from gateways.sip.script.views import decision_of
from tests.gateways.sip.script.messages import (
    CALLEES_SOURCE,
    LOCAL,
    SOURCE,
    Fork,
    branch,
    failure,
    reply,
    request,
    response,
    text,
)

BOB = read_uri("sip:bob@example.org")


def targets(decision: Decision) -> list[tuple[str, str | None, float]]:
    assert isinstance(decision, Forward)
    return [(str(to.uri), str(to.next_hop) if to.next_hop else None, to.q) for to in decision.targets]


# -- a request --


def test_what_a_request_says() -> None:
    view = request(text("INVITE", uri="sip:b%6Fb@example.org:5070;x=Y", to_tag="tA"))
    assert (view.method, view.uri) == ("INVITE", "sip:b%6Fb@example.org:5070;x=Y")
    assert (view.user, view.host, view.port) == ("bob", "example.org", 5070)
    assert (view.from_uri, view.to_uri) == ("sip:alice@example.org", "sip:bob@example.org")
    assert (view.from_tag, view.to_tag, view.has_totag) == ("tC", "tA", True)
    assert (view.call_id, view.cseq) == ("call-1", 7)
    assert (view.source, view.source_ip, view.local) == (SOURCE, "198.51.100.7", LOCAL)
    assert not request().has_totag


def test_a_request_goes_where_its_uri_says() -> None:
    view = request()
    view.relay()
    assert decision_of(view) == Forward((ProxyTarget(BOB),))


def test_a_uri_that_is_set_is_where_it_goes() -> None:
    view = request()
    view.uri = "sip:carol@example.net;Text=As-It-Is"
    assert (view.uri, view.user) == ("sip:carol@example.net;Text=As-It-Is", "carol")
    view.relay("sip:192.0.2.1:5080")
    assert targets(decision_of(view)) == [("sip:carol@example.net;Text=As-It-Is", "sip:192.0.2.1:5080", 1.0)]


def test_a_telephone_number_has_no_host() -> None:
    view = request(text(uri="tel:+4930123"))
    assert (view.user, view.host, view.port) == ("+4930123", "", None)


def test_branches_that_were_appended_are_where_it_goes() -> None:
    view = request()
    assert view.append_branch("sip:a@example.org") == 0
    assert view.append_branch("sip:b@example.org", "sip:192.0.2.2", q=0.5) == 1
    view.relay("sip:192.0.2.1")
    assert targets(decision_of(view)) == [
        ("sip:a@example.org", "sip:192.0.2.1", 1.0),
        ("sip:b@example.org", "sip:192.0.2.2", 0.5),
    ]


def test_branches_are_appended_in_the_order_in_which_they_are_tried() -> None:
    view = request()
    view.append_branch("sip:a@example.org", q=0.5)
    with pytest.raises(RoutingError, match=r"a branch of q=0\.6 after one of 0\.5: append first"):
        view.append_branch("sip:b@example.org", q=0.6)
    view.append_branch("sip:c@example.org", q=0.5)
    view.append_branch("sip:d@example.org", q=0)
    view.relay()
    assert [(uri, q) for uri, _, q in targets(decision_of(view))] == [
        ("sip:a@example.org", 0.5),
        ("sip:c@example.org", 0.5),
        ("sip:d@example.org", 0),
    ]


@pytest.mark.parametrize("q", [-0.1, 1.1, "1", None])
def test_a_preference_is_from_0_to_1(q: Any) -> None:
    with pytest.raises(RoutingError, match="expected a number from 0 to 1"):
        request().append_branch("sip:a@example.org", q=q)


def test_a_reply_of_the_scripts() -> None:
    view = request()
    view.reply(302, "Moved", [("m", "<sip:a@example.org>"), ("Contact", " <sip:b@example.org>")])
    contacts = (("Contact", "<sip:a@example.org>"), ("Contact", "<sip:b@example.org>"))
    assert decision_of(view) == Answer(302, "Moved", contacts)
    other = request()
    other.reply(503, headers={"Retry-After": "5"})
    assert decision_of(other) == Answer(503, "", (("Retry-After", "5"),))


def test_a_request_that_is_dropped() -> None:
    view = request()
    view.drop()
    assert decision_of(view) == Drop()


def test_a_request_without_a_decision() -> None:
    view = request()
    assert decision_of(view) == Undecided("the function ended without relay(), reply() or drop()")
    other = request()
    other.append_branch("sip:a@example.org")
    assert decision_of(other) == Undecided("append_branch() was called, but relay() was not")


def test_a_decision_is_for_good() -> None:
    view = request()
    view.reply(486)
    for change in (view.relay, view.drop, lambda: view.append_branch("sip:a@example.org"), lambda: view.reply(487)):
        with pytest.raises(RoutingError, match=r"decided on already: reply\(486\)"):
            change()
    with pytest.raises(RoutingError, match="decided on already"):
        view.uri = "sip:a@example.org"
    assert decision_of(view) == Answer(486)


def test_nothing_is_decided_when_the_function_has_ended() -> None:
    view = request()
    decision_of(view)
    with pytest.raises(RoutingError, match="the function that decides on the request has ended"):
        view.relay()


@pytest.mark.parametrize("code", [100, 199, 700, "486", None])
def test_only_final_responses_are_replies(code: Any) -> None:
    with pytest.raises(RoutingError, match="expected a final response, 200 to 699"):
        request().reply(code)


def test_a_reply_has_no_second_line() -> None:
    with pytest.raises(RoutingError, match="phrase: expected one line"):
        request().reply(486, "Busy\r\nVia: x")
    with pytest.raises(RoutingError, match="X-A: expected one line"):
        request().reply(486, headers={"X-A": "b\nVia: x"})
    with pytest.raises(RoutingError, match="Via is looked after by the proxy"):
        request().reply(486, headers={"v": "x"})


def test_an_ack_has_no_reply() -> None:
    view = request(text("ACK", to_tag="tA"))
    with pytest.raises(RoutingError, match="an ACK cannot be answered"):
        view.reply(200)
    view.relay()
    assert targets(decision_of(view)) == [("sip:bob@example.org", None, 1.0)]


@pytest.mark.parametrize("uri", ["bob", "", "sip:", "sip:a@b c", "http:", "sip:a@b?c=d", "sip:a@b\r\nX: y", 3])
def test_what_is_no_uri(uri: Any) -> None:
    view = request()
    for take in (view.append_branch, view.relay, lambda text: view.append_branch("sip:a@example.org", text)):
        with pytest.raises(RoutingError, match="is no URI"):
            take(uri)
    with pytest.raises(RoutingError, match="is no URI"):
        view.uri = uri
    assert isinstance(decision_of(view), Undecided)


@pytest.mark.parametrize("uri", ["urn:service:sos", "tel:+112", "http://example.org"])
def test_a_uri_that_leads_nowhere_needs_a_next_hop(uri: str) -> None:
    view = request()
    with pytest.raises(RoutingError, match="is no URI that a request can be sent to"):
        view.relay(uri)
    view.append_branch(uri, "sip:192.0.2.1")
    view.relay()
    assert targets(decision_of(view)) == [(uri, "sip:192.0.2.1", 1.0)]


def test_the_contact_of_who_is_behind_a_nat() -> None:
    view = request()
    view.fix_contact()
    assert view.headers.all("Contact") == ["<sip:alice@198.51.100.7:4711;ob>"]


def test_a_body_of_the_scripts() -> None:
    view = request(text(body="v=0\r\n", headers=("Content-Type: application/sdp",)))
    assert (view.body, view.content_type) == (b"v=0\r\n", "application/sdp")
    view.body, view.content_type = "hällo", "text/plain;charset=utf-8"
    assert (view.body, view.content_type) == ("hällo".encode(), "text/plain;charset=utf-8")
    assert view.headers.get("Content-Length") == "6"
    view.body = b""
    assert (view.content_type, view.headers.get("Content-Length")) == ("", "0")


def test_the_names_that_there_are() -> None:
    view: Any = request()
    with pytest.raises(
        AttributeError, match=r"Request has no 'ruri'; there are append_branch, body, .*, uri, user, vars"
    ):
        _ = view.ruri
    with pytest.raises(AttributeError, match="Request has no 'onbranch'; there are"):
        view.onbranch = print
    with pytest.raises(AttributeError, match="method"):
        view.method = "BYE"
    with pytest.raises(AttributeError, match="relay"):
        view.relay = print


# -- a branch --


def test_what_a_branch_says() -> None:
    of = request()
    view = Branch(Fork(2, ProxyTarget(BOB, read_uri("sip:192.0.2.1"))), of)
    assert (view.index, view.uri, view.next_hop, view.dropped) == (2, "sip:bob@example.org", "sip:192.0.2.1", False)
    assert view.request is of
    assert branch(of).next_hop is None


def test_a_branch_that_is_sent_elsewhere() -> None:
    hook = Fork()
    view = Branch(hook, request())
    view.uri = "sip:carol@example.net"
    view.next_hop = "sip:192.0.2.1"
    assert hook.target == ProxyTarget(read_uri("sip:carol@example.net"), read_uri("sip:192.0.2.1"))
    assert str(hook.request.uri) == "sip:carol@example.net"
    view.next_hop = None
    assert hook.target.next_hop is None


def test_a_branchs_headers_are_its_own() -> None:
    of = request()
    hook = Fork()
    Branch(hook, of).headers.add("X-Branch", "0")
    assert hook.request.headers.getlist("X-Branch") == ["0"]
    assert "X-Branch" not in of.headers


def test_a_branch_that_is_dropped() -> None:
    view = branch(request())
    view.drop()
    assert view.dropped


# -- a response --


def test_what_a_response_says() -> None:
    of = request()
    view = reply(of, 183, 1)
    assert (view.status, view.phrase, view.branch.index) == (183, "Session Progress", 1)
    assert (view.source, view.request, view.dropped) == (CALLEES_SOURCE, of, False)


def test_a_callee_behind_a_nat() -> None:
    view = reply(request())
    view.fix_contact()
    assert view.headers.all("Contact") == ["<sip:bob@198.51.100.8:4712>"]
    made_here = reply(request(), 408, source=None)
    made_here.fix_contact()
    assert (made_here.source, made_here.headers.all("Contact")) == (None, ["<sip:bob@10.0.0.2>"])


def test_only_a_provisional_response_is_dropped() -> None:
    view = reply(request(), 180)
    view.drop()
    assert view.dropped
    final = reply(request(), 200)
    with pytest.raises(RoutingError, match="200 is a final response"):
        final.drop()
    assert not final.dropped


def test_what_is_changed_of_a_response() -> None:
    message = response(183)
    view = Reply(message, branch(request()))
    view.body, view.content_type = b"v=0", "application/sdp"
    view.headers.set("X-A", "b")
    assert b"X-A: b\r\n" in bytes(message)
    assert bytes(message).endswith(b"\r\n\r\nv=0")


# -- a failure --


def test_what_a_failure_says() -> None:
    of = request()
    view = failure(of, 486, 486, 503)
    assert (view.status, view.phrase, view.statuses) == (486, "Busy Here", {0: 486, 1: 503})
    assert view.request is of


def test_branches_after_a_failure_are_counted_on() -> None:
    view = failure(request(), 486, 486, 503)
    assert view.append_branch("sip:a@example.org") == 2
    assert view.append_branch("sip:b@example.org") == 3
    view.relay()
    assert [uri for uri, *_ in targets(decision_of(view))] == ["sip:a@example.org", "sip:b@example.org"]


def test_the_same_uri_goes_by_another_next_hop() -> None:
    of = request(text(uri="sip:bob@example.org;X=y"))
    view = failure(of, 503)
    view.relay("sip:192.0.2.2")
    assert targets(decision_of(view)) == [("sip:bob@example.org;X=y", "sip:192.0.2.2", 1.0)]


def test_the_same_again_is_not_tried() -> None:
    view = failure(request(), 503)
    with pytest.raises(RoutingError, match="nowhere to relay to"):
        view.relay()
    assert isinstance(decision_of(view), Undecided)


def test_another_answer_than_the_best() -> None:
    view = failure(request(), 503)
    view.reply(480, headers={"Retry-After": "5"})
    assert decision_of(view) == Answer(480, "", (("Retry-After", "5"),))


def test_a_failure_cannot_be_dropped() -> None:
    view: Any = failure(request(), 503)
    with pytest.raises(AttributeError, match="Failure has no 'drop'"):
        view.drop()
    assert isinstance(view, Failure)


# -- a request of our own --


def test_what_a_request_of_ours_says() -> None:
    message = SipRequest("BYE", read_uri("sip:alice@192.0.2.1"))
    message.headers.set("Call-ID", "call-1")
    view = Local(message, "caller")
    view.headers.set("Reason", 'SIP;text="gone"')
    assert (view.method, view.uri, view.call_id, view.to_leg) == ("BYE", "sip:alice@192.0.2.1", "call-1", "caller")
    assert message.headers.get("Reason") == 'SIP;text="gone"'
