"""RFC 4475: each of its messages, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.making import copy_request, copy_response
from gateways.sip.messages.reading import Malformed, read
from gateways.sip.messages.values import param_of, split_values, uri_of, uri_text
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import request, response
from tests.gateways.sip.messages.torture import load

HOP = Hop(SipTransport.UDP, "192.0.2.99", 5062)
MESSAGES = load("rfc4475.txt")
LONG_TAG = "12" + "982" * 50 + "424"

REQUESTS: Mapping[str, tuple[str, str, str, str, int]] = {
    # name: method, Request-URI, From tag, To tag, CSeq
    "wsinv": ("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam", "98asjd8", "1918181833n", 9),
    "intmeth": (
        "!interesting-Method0123456789_*+`.%indeed'~",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "_token~1'+`*%!-.",
        "",
        139122385,
    ),
    "esc01": ("INVITE", "sip:sips%3Auser%40example.com@example.net", "938", "", 234234),
    "escnull": ("REGISTER", "sip:example.com", "839923423", "", 14398234),
    "esc02": ("RE%47IST%45R", "sip:registrar.example.com", "f232jadfj23", "", 29344),
    "lwsdisp": ("OPTIONS", "sip:user@example.com", "323", "", 60),
    "longreq": ("INVITE", "sip:user@example.com", LONG_TAG, "", 3882340),
    "dblreq": ("REGISTER", "sip:example.com", "43251j3j324", "", 8),
    "semiuri": ("OPTIONS", "sip:user;par=u%40example.net@example.com", "33242", "", 8),
    "transports": ("OPTIONS", "sip:user@example.com", "323", "", 60),
    "mpart01": ("MESSAGE", "sip:kumiko@example.org", "2fb0dcc9", "", 1),
    "baddate": ("INVITE", "sip:user@example.com", "2234923", "", 1392934),
    "regbadct": ("REGISTER", "sip:example.com", "998332", "", 1),
    "unksm2": ("REGISTER", "sip:example.com", "3234233", "", 234902),
    "bext01": ("OPTIONS", "sip:user@example.com", "242etr", "", 8),
    "invut": ("INVITE", "sip:user@example.com", "8392034", "", 235448),
    "regaut01": ("REGISTER", "sip:example.com", "87321hj23128", "", 9338),
    "zeromf": ("OPTIONS", "sip:user@example.com", "3ghsd41", "", 39234321),
    "cparam01": ("REGISTER", "sip:example.com", "DkfVgjkrtMwaerKKpe", "", 2),
    "cparam02": ("REGISTER", "sip:example.com", "838293", "", 3),
    "regescrt": ("REGISTER", "sip:example.com", "8", "", 14398234),
    "unkscm": ("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", "384", "", 3923423),
    "novelsc": ("OPTIONS", "soap.beep://192.0.2.103:3002", "384", "", 3923423),
    "trws": ("OPTIONS", "sip:remote-target@example.com", "329429089", "", 238923),
    "badaspec": ("OPTIONS", "sip:user@example.org", "433423", "", 3923239),
    "sdp01": ("INVITE", "sip:user@example.com", "234", "", 8),
    "inv2543": ("INVITE", "sip:UserB@example.com", "", "", 56),
}
RESPONSES = {
    "unreason": (200, "= 2**3 * 5**2 но сто девяносто девять - простое", 35, "INVITE"),
    "noreason": (100, "", 35, "INVITE"),
    "bcast": (200, "OK", 35, "INVITE"),
}
REFUSED = {
    "badinv01": (400, "Bad Via"),
    "clerr": (400, "Body Shorter Than Content-Length"),
    "ncl": (400, "Bad Content-Length"),
    "scalar02": (400, "Bad CSeq"),
    "quotbal": (400, "Bad To"),
    "ltgtruri": (400, "Bad Request-URI"),
    "lwsruri": (400, "Bad Request Line"),
    "lwsstart": (400, "Bad Request Line"),
    "escruri": (400, "Headers In Request-URI"),
    "baddn": (400, "Bad From"),
    "badvers": (505, "Version Not Supported"),
    "mismatch01": (400, "CSeq Of Another Method"),
    "mismatch02": (400, "CSeq Of Another Method"),
    "badbranch": (400, "Branch Without Identifier"),
    "multi01": (400, "More Than One From"),
    "mcl01": (400, "More Than One Content-Length"),
}
DROPPED = {
    "scalarlg": "Bad CSeq",
    "bigcode": "Bad Status Line",
    "insuf": "No From",
}


def test_each_message_is_here() -> None:
    assert len(MESSAGES) == 49
    assert MESSAGES.keys() == REQUESTS.keys() | RESPONSES.keys() | REFUSED.keys() | DROPPED.keys()


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_that_are_taken(name: str) -> None:
    incoming = request(MESSAGES[name], HOP)
    message = incoming.message
    assert (message.method, str(message.uri), incoming.from_tag, incoming.to_tag, incoming.cseq) == REQUESTS[name]
    assert incoming.via.parameters["received"] == HOP.host
    assert_survives(incoming)


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_that_are_taken(name: str) -> None:
    incoming = response(MESSAGES[name], HOP)
    assert (incoming.status, incoming.message.phrase, incoming.cseq, incoming.method) == RESPONSES[name]
    assert_survives(incoming)


def assert_survives(incoming: IncomingRequest | IncomingResponse) -> None:
    """Check that a message is the same after it was copied, written, and read again."""
    if isinstance(incoming, IncomingRequest):
        copy = write(copy_request(incoming.message))
    else:
        copy = write(copy_response(incoming.message))
    again = read(copy, HOP)
    assert write(again.message) == write(incoming.message) == copy
    assert (again.call_id, again.from_tag, again.to_tag, again.cseq) == (
        incoming.call_id,
        incoming.from_tag,
        incoming.to_tag,
        incoming.cseq,
    )


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_refused(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(MESSAGES[name], HOP)
    reply = caught.value.reply
    assert reply is not None
    assert (reply.code, caught.value.reason) == REFUSED[name]
    assert b"\r\nCall-ID: " + reply.headers["Call-ID"].encode() in MESSAGES[name]
    assert reply.headers.getlist("Via")
    assert caught.value.hop is not None
    assert caught.value.hop.host == HOP.host


@pytest.mark.parametrize("name", DROPPED)
def test_messages_that_are_dropped(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(MESSAGES[name], HOP)
    assert (caught.value.reason, caught.value.reply) == (DROPPED[name], None)


def test_a_short_tortuous_invite() -> None:
    incoming = request(MESSAGES["wsinv"], HOP)
    headers = incoming.message.headers
    assert headers["NewFangledHeader"] == "newfangled value continued newfangled value"
    assert headers["UnknownHeaderWithUnusualValue"] == ";;,,;;,;"
    assert headers["Subject"] == ""
    assert headers["Max-Forwards"] == "0068"
    assert incoming.branch == "390skdjuw"
    vias = split_values(headers.getlist("Via"))
    assert [param_of(via, "branch") for via in vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    contact = headers["Contact"]
    assert (param_of(contact, "newparam"), param_of(contact, "secondparam"), param_of(contact, "q")) == (
        "newvalue",
        "",
        "0.33",
    )
    assert uri_text(headers["Route"]) == "sip:services.example.com;lr;unknownwith=value;unknown-no-value"
    assert len(incoming.message.body) == 150


def test_escapes_are_read_but_kept() -> None:
    headers = request(MESSAGES["esc01"], HOP).message.headers
    assert uri_of(headers["To"]).user == "user"
    assert uri_of(headers["From"]).user == "I have spaces"
    contact = uri_of(headers["Contact"])
    assert contact.user == "caller"
    assert dict(contact.parameters) == {"lr": None, "name": "value%41"}
    assert headers["Contact"] == "<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>"


def test_null_in_users() -> None:
    headers = request(MESSAGES["escnull"], HOP).message.headers
    assert [uri_of(value).user for value in headers.getlist("Contact")] == ["\0", "\0\0"]


def test_what_is_no_escape() -> None:
    headers = request(MESSAGES["esc02"], HOP).message.headers
    assert len(headers.getlist("Contact")) == 2
    assert headers["C%6Fntact"] == "<sip:alias2@host2.example.com>"


def test_quoted_control_characters() -> None:
    incoming = request(MESSAGES["intmeth"], HOP)
    assert incoming.message.headers["To"].startswith('"BEL:\\\a NUL:\\\0 DEL:\\\x7f" <')
    assert incoming.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert param_of(incoming.message.headers["From"], "fromparam''~+*_!.-%") == "работающий"


def test_what_follows_the_body_in_a_datagram_is_left() -> None:
    incoming = request(MESSAGES["dblreq"], HOP)
    assert incoming.message.body == b""
    assert b"INVITE" not in write(incoming.message)


def test_long_values() -> None:
    incoming = request(MESSAGES["longreq"], HOP)
    assert len(incoming.message.headers.getlist("Via")) == 34
    assert uri_of(incoming.message.headers["To"]).port == 6000
    assert incoming.branch == ""


def test_users_with_semicolons() -> None:
    assert request(MESSAGES["semiuri"], HOP).message.uri.user == "user;par=u@example.net"


def test_a_body_of_octets() -> None:
    body = request(MESSAGES["mpart01"], HOP).message.body
    assert len(body) == 553
    assert body.endswith(b"--7a9cbec02ceef655--\r\n")


def test_a_message_without_content_length_gets_one() -> None:
    incoming = request(MESSAGES["inv2543"], HOP)
    assert incoming.message.headers["Content-Length"] == str(len(incoming.message.body))


@pytest.mark.parametrize(
    ("name", "header", "read_it", "value"),
    [
        ("cparam01", "Contact", lambda text: param_of(text, "unknownparam"), ""),
        ("cparam02", "Contact", lambda text: param_of(text, "unknownparam"), None),
        ("cparam02", "Contact", lambda text: dict(uri_of(text).parameters), {"unknownparam": None}),
        ("regescrt", "Contact", lambda text: uri_of(text).headers, "Route=%3Csip:sip.example.com%3E"),
        ("unksm2", "To", uri_text, "isbn:2983792873"),
    ],
)
def test_contacts(name: str, header: str, read_it: Callable[[str], Any], value: object) -> None:
    assert read_it(request(MESSAGES[name], HOP).message.headers[header]) == value


def test_a_contact_that_lacks_its_brackets_is_no_target() -> None:
    contact = request(MESSAGES["regbadct"], HOP).message.headers["Contact"]
    with pytest.raises(ValueError, match="brackets"):
        uri_of(contact)


def test_a_reply_to_a_bad_via_goes_where_the_request_came_from() -> None:
    with pytest.raises(Malformed) as caught:
        read(MESSAGES["badinv01"], HOP)
    assert caught.value.hop == HOP
