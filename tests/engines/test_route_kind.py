"""The route engine as a kind: the parameters of each route, to the letter, and the replies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines.copy_request import CopyRequest
from engines.kind import MalformedReply, Operation, Untranslatable
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict, decode, encode
from engines.registry import kind_of
from engines.request import HANDLE, NodeRequest
from engines.route.kind import RouteKind
from engines.route.parameters import PARAMETERS, Parameters, Route, RouteCall
from engines.route.returns import reply_to
from events.names import BranchId, CallId, RelayId, Tag
from events.verb import CopyVerb, SdpVerb, Verb
from tests.engines.exchanges import Told, run

KIND = RouteKind()
OK = encode({b"result": b"ok"})

EVERYTHING = MediaRequest(
    verb=Verb.OFFER,
    from_tag=Tag("A"),
    to_tag=Tag("B"),
    sdp=b"v=0",
    branch=BranchId("br1"),
    ctx_flags="c",
    flags="f",
    peer="p",
    type="SRTP",
    in_iface="i",
    out_iface="o",
    ip="192.0.2.1",
    received_from="198.51.100.1",
    ctx_delete="cd",
    delete="d",
    set="s",
    engaged_branch=1,
)

NOTHING = MediaRequest(verb=Verb.OFFER, from_tag=Tag("A"), sdp=b"v=0", set="default")


def called(verb: Verb, request: NgDict, relay_id: RelayId = RelayId("call")) -> Parameters:
    """Return the parameters of the one command that an operation makes."""
    asked, _ = run(KIND.perform(Operation(verb=verb, relay_id=relay_id, request=NodeRequest(request))), lambda _: OK)
    ((command,),) = asked
    call = RouteCall.from_bytes(command)
    assert (call.route, call.session) == (Route(verb), relay_id)
    return call.parameters


def replied(verb: Verb, request: NgDict, answer: NgDict) -> Told:
    operation = Operation(verb=verb, relay_id=RelayId("call"), request=NodeRequest(request))
    return run(KIND.perform(operation), lambda _: encode(answer))[1]


@pytest.mark.parametrize("verb", [Verb.OFFER, Verb.ANSWER])
def test_an_offer_and_an_answer_have_all_that_is_documented_and_nothing_else(verb: SdpVerb) -> None:
    media = replace(EVERYTHING, verb=verb)
    request = KIND.request(media).words | {HANDLE: b"mine"}
    parameters = called(verb, request)
    assert parameters == {
        "callid": "call",
        "from_tag": "A",
        "to_tag": "B",
        "branch": 1,
        "body": b"v=0",
        "set": "s",
        "node": "mine",
        "ip": "192.0.2.1",
        "type": "SRTP",
        "in-iface": "i",
        "out-iface": "o",
        "ctx-flags": "c",
        "flags": "f",
        "peer": "p",
    }
    assert parameters.keys() == PARAMETERS[Route(verb)]


def test_what_is_not_set_is_absent() -> None:
    assert called(Verb.OFFER, KIND.request(NOTHING).words) == {
        "callid": "call",
        "from_tag": "A",
        "branch": -1,
        "body": b"v=0",
        "set": "default",
    }


def test_a_delete_has_all_that_is_documented_but_a_body() -> None:
    plain = KIND.teardown(RelayId("call"), Tag("A"), Tag("B"))
    request = {**KIND.request(replace(EVERYTHING, verb=Verb.DELETE)).words, **plain.request.words, HANDLE: b"mine"}
    parameters = called(Verb.DELETE, request)
    assert parameters == {
        "callid": "call",
        "from_tag": "A",
        "to_tag": "B",
        "branch": 1,
        "set": "s",
        "node": "mine",
        "ctx-flags": "c",
        "delete": "cd d",
    }
    assert parameters.keys() == PARAMETERS[Route.DELETE] - {"body"}


@pytest.mark.parametrize("verb", [Verb.COPY_OFFER, Verb.COPY_ANSWER, Verb.COPY_DELETE])
def test_a_copy_has_what_is_documented(verb: CopyVerb) -> None:
    copy = CopyRequest(
        verb=verb,
        from_tag=Tag("A"),
        to_tag=Tag("B"),
        copy_ctx="copy",
        handle="mine",
        set="s",
        engaged_branch=0,
        siprec=True,
        inactive=True,
        sdp=b"v=0",
    )
    parameters = called(verb, copy.request().words)
    common = {"callid": "call", "from_tag": "A", "to_tag": "B", "branch": 0, "set": "s", "node": "mine"}
    own: dict[str, object] = {"flags": "siprec inactive"} if verb == Verb.COPY_OFFER else {}
    body: dict[str, object] = {"body": b"v=0"} if verb == Verb.COPY_ANSWER else {}
    assert parameters == {**common, **own, **body, "copy-ctx": "copy"}
    assert parameters.keys() <= PARAMETERS[Route(verb)]


@pytest.mark.parametrize(
    ("relay_id", "call_id"), [("call", "call"), ("call#2", "call"), ("a##3", "a#3"), ("a###3", "a#"), ("#12", "")]
)
def test_the_callables_know_the_call_by_its_own_id(relay_id: RelayId, call_id: CallId) -> None:
    assert called(Verb.OFFER, KIND.request(NOTHING).words, relay_id)["callid"] == call_id


def test_what_sip_wrote_in_no_known_charset_comes_through() -> None:
    tag = b"\xff\xfe".decode("utf-8", "surrogateescape")
    assert called(Verb.OFFER, KIND.request(replace(NOTHING, from_tag=Tag(tag))).words)["from_tag"] == tag


def test_the_reply_has_the_new_body_and_the_node() -> None:
    answer = decode(reply_to(Route.OFFER, ("new", "mine")))
    assert isinstance(answer, dict)
    assert replied(Verb.OFFER, KIND.request(NOTHING).words, answer) == {
        b"result": b"ok",
        b"sdp": b"new",
        HANDLE: b"mine",
    }


def test_without_a_new_body_the_reply_has_the_old_one() -> None:
    assert replied(Verb.OFFER, KIND.request(NOTHING).words, {b"result": b"ok"}) == {b"result": b"ok", b"sdp": b"v=0"}


def test_a_failure_comes_through_and_has_no_body() -> None:
    failure: NgDict = {b"result": b"error", b"error-reason": b"why"}
    assert replied(Verb.OFFER, KIND.request(NOTHING).words, failure) == failure


def test_a_reply_that_is_none_is_malformed() -> None:
    operation = Operation(verb=Verb.OFFER, relay_id=RelayId("call"), request=KIND.request(NOTHING))
    for answer in (b"nonsense", b"i1e"):
        with pytest.raises(MalformedReply):
            run(KIND.perform(operation), lambda _, answer=answer: answer)  # type: ignore[misc]


def test_a_part_of_a_session_is_not_deleted() -> None:
    request = KIND.request(replace(EVERYTHING, verb=Verb.DELETE)).words
    asked, reply = run(
        KIND.perform(Operation(verb=Verb.DELETE, relay_id=RelayId("call"), request=NodeRequest(request))), lambda _: OK
    )
    assert asked == []
    assert reply == {b"result": b"ok", b"warning": b"A route holds all that this id names as one session"}


def test_nobody_is_called_for_a_ping_or_a_query() -> None:
    assert run(KIND.ping(), lambda _: OK) == ([], {b"result": b"pong"})
    asked, reply = run(KIND.perform(KIND.knows(RelayId("call"), Tag("A"), Tag("B"))), lambda _: OK)
    assert asked == []
    assert reply.ok
    assert not reply.unknown


def test_other_commands_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(Untranslatable, match="start recording"):
        KIND.perform(Operation(verb=Verb.START_RECORDING, relay_id=RelayId("call"), request=NodeRequest({})))


def test_it_is_registered() -> None:
    assert isinstance(kind_of("route"), RouteKind)
