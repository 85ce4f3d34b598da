from __future__ import annotations

from dataclasses import replace

import pytest
from sipmessage import URI

from gateways.sip.messages.uris import read_uri


@pytest.mark.parametrize(
    ("text", "scheme", "user", "host", "port"),
    [
        ("sip:alice@atlanta.example", "sip", "alice", "atlanta.example", None),
        ("SIPS:%61lice:pw@pbx1:5061", "sips", "alice", "pbx1", 5061),
        ("sip:192.0.2.1", "sip", None, "192.0.2.1", None),
        ("sip:my_host.docker", "sip", None, "my_host.docker", None),
        ("sip:[2001:db8::1]:5060", "sip", None, "[2001:db8::1]", 5060),
        ("sip:a;b?c@d", "sip", "a;b?c", "d", None),
        ("sip:*21#@d", "sip", "*21#", "d", None),
        ("tel:+1-201-555-0123", "tel", "+1-201-555-0123", "", None),
    ],
)
def test_uris(text: str, scheme: str, user: str | None, host: str, port: int | None) -> None:
    uri = read_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port) == (scheme, user, host, port)
    assert str(uri) == text


def test_parameters() -> None:
    uri = read_uri("sip:a@b;Transport=TCP;lr;x=%41%3b;self=1;lr=later?Subject=a&Body=b")
    assert dict(uri.parameters) == {"transport": "TCP", "lr": None, "x": "A;", "self": "1"}
    assert uri.headers == "Subject=a&Body=b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@b",
        "alice@atlanta.example",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@b:",
        "sip:a@b:0",
        "sip:a@b:65536",
        "sip:2001:db8::1",
        "sip:[2001:db8:::1]",
        "sip:[192.0.2.1]",
        "sip:a@b;x=\x00",
        "sip:a@b\n",
        "urn:",
        "urn:a b",
        "http:<a>",
        "sip:<a>@b",
        "tel:",
        "tel:alice",
    ],
)
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 any
        read_uri(text)


@pytest.mark.parametrize("text", ["http://example.com/?a", "urn:service:sos", "im:a@b;x", "isbn:2983792873"])
def test_of_other_schemes_the_text_is_known(text: str) -> None:
    uri = read_uri(text)
    assert (uri.scheme, str(uri), uri.host, uri.user) == (text.partition(":")[0], text, "", None)
    assert uri == read_uri(text)
    assert uri != read_uri(f"{text}x")


@pytest.mark.parametrize("text", ["sip:a@b;", "sip:a@b;;lr;", "tel:+1;"])
def test_an_empty_parameter_is_none(text: str) -> None:
    uri = read_uri(text)
    assert (str(uri), list(uri.parameters)) == (text, ["lr"] if "lr" in text else [])


@pytest.mark.parametrize("user", ["M\udcfcller", "Müller", "M%FCller", "M%C3%BCller"])
def test_a_user_that_is_not_ascii(user: str) -> None:
    """Also in a URI that is written anew."""
    uri = read_uri(f"sip:{user}@b;x=1")
    assert str(uri) == f"sip:{user}@b;x=1"
    expected = "M%FCller" if user in ("M\udcfcller", "M%FCller") else "M%C3%BCller"
    assert str(replace(uri, port=5070)) == f"sip:{expected}@b:5070;x=1"


def test_a_replaced_uri_has_its_own_text() -> None:
    uri = read_uri("sip:%61lice@atlanta.example;Lr;x=%41?Subject=x")
    assert str(replace(uri, host="[::1]", port=5070)) == "sip:alice@[::1]:5070;Lr;x=%41"
    params = uri.parameters.replace(transport="tcp")
    assert str(replace(uri, parameters=params)) == "sip:alice@atlanta.example;lr;x=A;transport=tcp"


def test_equal_uris() -> None:
    text = "sip:alice@atlanta.example:5070;transport=tcp"
    assert read_uri(text) == URI.parse(text)
    assert URI.parse(text) == read_uri(text)
    assert read_uri(text) != read_uri("sip:bob@atlanta.example:5070;transport=tcp")
    assert read_uri(text) != text
