"""RFC 5118: each of its messages, and what is done with it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.making import copy_request
from gateways.sip.messages.reading import Malformed, read
from gateways.sip.messages.values import param_of, split_values, uri_of
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import request
from tests.gateways.sip.messages.torture import load

HOP = Hop(SipTransport.UDP, "2001:db8::9:1", 5060)
MESSAGES = load("rfc5118.txt")

TAKEN: Mapping[str, tuple[str, int | None]] = {
    # name: host and port of the Request-URI
    "ipv6-good": ("[2001:db8::10]", None),
    "port-ambiguous": ("[2001:db8::10:5070]", None),
    "port-unambiguous": ("[2001:db8::10]", 5070),
    "via-received-param-with-delim": ("[2001:db8::10]", None),
    "via-received-param-no-delim": ("[2001:db8::10]", None),
    "ipv6-in-sdp": ("[2001:db8::10]", None),
    "mult-ip-in-header": ("host.example.net", None),
    "mult-ip-in-sdp": ("[2001:db8::10]", None),
    "ipv4-mapped-ipv6": ("example.com", None),
    "ipv6-correct-abnf-2-colons": ("[2001:db8::192.0.2.1]", None),
}
REFUSED = {"ipv6-bad": "Bad Request-URI", "ipv6-bug-abnf-3-colons": "Bad Request-URI"}


def test_each_message_is_here() -> None:
    assert len(MESSAGES) == 12
    assert MESSAGES.keys() == TAKEN.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", TAKEN)
def test_requests_that_are_taken(name: str) -> None:
    message = request(MESSAGES[name], HOP).message
    assert (message.uri.host, message.uri.port) == TAKEN[name]
    copy = copy_request(message)
    assert write(request(write(copy), HOP).message) == write(message)


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_refused(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(MESSAGES[name], HOP)
    assert caught.value.reply is not None
    assert (caught.value.reply.code, caught.value.reason) == (400, REFUSED[name])


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_received_is_what_the_hop_says(name: str) -> None:
    incoming = request(MESSAGES[name], HOP)
    assert incoming.via.host == "[2001:db8::9:1]"
    assert incoming.via.parameters["received"] == "2001:db8::9:1"


def test_received_of_others_is_kept() -> None:
    vias = split_values(request(MESSAGES["mult-ip-in-header"], HOP).message.headers.getlist("Via"))
    assert [param_of(via, "received") for via in vias] == [None, None, "192.0.2.200"]


def test_addresses_in_brackets() -> None:
    contact = uri_of(request(MESSAGES["ipv4-mapped-ipv6"], HOP).message.headers["Contact"])
    assert (contact.user, contact.host) == ("ted", "[::ffff:192.0.2.2]")
