from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands.media import Offer
from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from events.names import BranchId, CallId, Tag
from events.verb import Verb
from gateways.ng.commands import NgCommand
from gateways.ng.request import PER_CALL, RefusedRequest, command_of, name_of_command, supports_load_limit

OFFER: NgDict = {b"command": b"offer", b"call-id": b"c", b"from-tag": b"f", b"sdp": b"v=0\r\nm=audio 9 RTP/AVP 0\r\n"}


def command(verb: Verb, **keys: NgValue) -> NgCommand:
    request = {key.replace("_", "-").encode(): value for key, value in keys.items()}
    return command_of(verb, request, "edge", 42)


def refusal(verb: Verb, **keys: NgValue) -> str:
    with pytest.raises(RefusedRequest) as caught:
        command(verb, **keys)
    return str(caught.value)


def test_an_offer() -> None:
    request: NgDict = {**OFFER, b"via-branch": b"b", b"to-tag": b"t", b"supports": [b"load limit"]}
    assert command_of(Verb.OFFER, request, "edge", 42) == Offer(
        call_id=CallId("c"),
        from_tag=Tag("f"),
        to_tag=Tag("t"),
        branch=BranchId("b"),
        request=NodeRequest(request),
        set="edge",
        received_at=42,
    )


@pytest.mark.parametrize(
    ("verb", "keys", "reason"),
    [
        (Verb.OFFER, {}, "No SDP body in message"),
        (Verb.OFFER, {"sdp": b"x"}, "No call-id in message"),
        (Verb.OFFER, {"sdp": b"x", "call_id": b"c"}, "No from-tag in message"),
        (Verb.ANSWER, {"sdp": b"x", "call_id": b"c", "from_tag": b"f"}, "No to-tag in message"),
        (Verb.PUBLISH, {"sdp": b"x"}, "No call-id in message"),
        (Verb.DELETE, {"from_tag": b"f"}, "No call-id in message"),
        (Verb.QUERY, {"call_id": 7}, "No call-id in message"),
        (Verb.QUERY, {"call_id": b""}, "No call-id in message"),
        (Verb.START_RECORDING, {}, "No call-id in message"),
        (Verb.MESH, {}, "Unknown call ID(s)"),
        (Verb.MESH, {"calls": []}, "Unknown call ID(s)"),
        (Verb.MESH, {"calls": [b"a", 1]}, "Invalid calls: not a string"),
        (Verb.MESH, {"calls": [b"a"] * 33}, "Too many calls: 33, where 32 are allowed"),
        (Verb.QUERY, {"call_id": b"x" * 1025}, "Invalid call-id: longer than 1024 bytes"),
        (Verb.QUERY, {"call_id": b"\xff"}, "Invalid call-id: not UTF-8"),
        (Verb.QUERY, {"call_id": b"a\nb"}, "Invalid call-id: control characters"),
        (Verb.QUERY, {"call_id": "a\x85b".encode()}, "Invalid call-id: control characters"),
        (Verb.QUERY, {"call_id": b"c", "from_tag": [b"f"]}, "Invalid from-tag: not a string"),
        (Verb.DELETE, {"call_id": b"c", "to_tag": b"\0"}, "Invalid to-tag: control characters"),
        (Verb.QUERY, {"call_id": b"c", "via_branch": b"\xff"}, "Invalid via-branch: not UTF-8"),
        (Verb.CONNECT, {"call_id": b"c", "to_call_id": b"\xff"}, "Invalid to-call-id: not UTF-8"),
    ],
)
def test_refusals(verb: Verb, keys: dict[str, NgValue], reason: str) -> None:
    assert refusal(verb, **keys) == reason


def test_names_of_all_scripts_and_lengths_are_taken() -> None:
    assert command(Verb.QUERY, call_id="Jürgen\u00a0東".encode()).call_id == "Jürgen\u00a0東"
    assert command(Verb.QUERY, call_id=b"x" * 1024).call_id == "x" * 1024


@pytest.mark.parametrize("key", [b"call-ID", b"call id", b"call ID", b"call-id"])
def test_spellings_of_the_call_id(key: bytes) -> None:
    made = command_of(Verb.QUERY, {key: b"c", b"from tag": b"f", b"to_tag": b"t"}, "edge", 0)
    assert (made.call_id, made.from_tag, made.to_tag) == ("c", "f", "t")
    assert made.request == NodeRequest({b"call-id": b"c", b"from-tag": b"f", b"to-tag": b"t"})


def test_the_usual_spelling_counts_where_there_are_two() -> None:
    assert command_of(Verb.QUERY, {b"call id": b"other", b"call-id": b"c"}, "edge", 0).call_id == "c"


@pytest.mark.parametrize(
    ("keys", "to_tag"),
    [
        ({}, ""),
        ({b"flags": [b"fatal"]}, ""),
        ({b"flags": [b"fatal", b"to-tag"]}, "t"),
        ({b"flags": [b"to tag"]}, "t"),
        ({b"flags": [b"to_tag"]}, "t"),
        ({b"flags": b"to-tag"}, "t"),
        ({b"rtpp-flags": b"fatal to-tag"}, "t"),
        ({b"rtpp-flags": b"via-branch=auto"}, ""),
    ],
)
def test_a_deletes_to_tag_counts_only_with_the_flag(keys: NgDict, to_tag: Tag) -> None:
    request: NgDict = {b"call-id": b"c", b"from-tag": b"f", b"to-tag": b"t", **keys}
    assert command_of(Verb.DELETE, request, "edge", 0).to_tag == to_tag


def test_mesh_goes_to_its_first_call() -> None:
    assert command(Verb.MESH, calls=[b"one", b"two"]).call_id == "one"


def test_the_load_limit_is_supported_by_name() -> None:
    assert supports_load_limit({b"supports": [b"something", b"load limit"]})
    assert supports_load_limit({b"supports": b"load limit"})
    assert not supports_load_limit({b"supports": [b"something"]})
    assert not supports_load_limit({b"supports": 1})
    assert not supports_load_limit({})


def test_a_request_without_a_command() -> None:
    with pytest.raises(RefusedRequest, match='Dictionary contains no key "command"'):
        name_of_command({b"command": 3})
    assert name_of_command({b"command": b"block DTMF"}) == "block DTMF"


names = st.binary(max_size=8) | st.integers() | st.lists(st.binary(max_size=3), max_size=3)
keys = st.sampled_from([b"call-id", b"call id", b"from-tag", b"to_tag", b"to-tag", b"sdp", b"calls", b"flags"])


@given(st.sampled_from(sorted(PER_CALL.values())), st.dictionaries(keys | st.binary(max_size=4), names))
def test_any_dictionary_is_a_command_or_refused(verb: Verb, request: NgDict) -> None:
    with contextlib.suppress(RefusedRequest):
        made = command_of(verb, request, "edge", 0)
        assert made.call_id
        assert (b"sdp" in request) or verb not in (Verb.OFFER, Verb.ANSWER, Verb.PUBLISH)
