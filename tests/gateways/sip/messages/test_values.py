from __future__ import annotations

from collections.abc import Mapping

import pytest
from sipmessage import Headers

from gateways.sip.messages.values import (
    cut_first,
    first_value,
    param_of,
    split_values,
    tag_of,
    take_first,
    top_via_text,
    uri_of,
    uri_text,
    with_params,
    without_params,
)


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([], []),
        ([""], []),
        (["a, b", "c"], ["a", "b", "c"]),
        ([",a,, b ,"], ["a", "b"]),
        (['"A, B" <sip:a,b@c>;x="1,2", <sip:d>'], ['"A, B" <sip:a,b@c>;x="1,2"', "<sip:d>"]),
        ([r'"a\", b", c'], [r'"a\", b"', "c"]),
        (['"open, <sip:a>, b'], ['"open, <sip:a>, b']),
        (["<sip:a, b"], ["<sip:a, b"]),
    ],
)
def test_split_values(lines: list[str], values: list[str]) -> None:
    assert split_values(lines) == values


@pytest.mark.parametrize(
    ("value", "first", "rest"),
    [("a", "a", ""), (" a , b, c", "a", "b, c"), ('"a,b" <c>,', '"a,b" <c>', ""), (",b", "", "b"), ("", "", "")],
)
def test_cut_first(value: str, first: str, rest: str) -> None:
    assert cut_first(value) == (first, rest)


def headers(name: str, *values: str) -> Headers:
    made = Headers()
    for value in values:
        made.add(name, value)
    return made


def test_take_first() -> None:
    routes = headers("Route", "<sip:a>, <sip:b>", ", <sip:c>")
    assert first_value(routes, "Route") == "<sip:a>"
    assert [take_first(routes, "route") for _ in range(4)] == ["<sip:a>", "<sip:b>", "<sip:c>", ""]
    assert routes.keys() == []


def test_taking_leaves_a_list_that_others_hold() -> None:
    routes = headers("Route", "<sip:a>", "<sip:b>")
    held = routes.getlist("Route")
    take_first(routes, "Route")
    assert (held, routes.getlist("Route")) == (["<sip:a>", "<sip:b>"], ["<sip:b>"])


def test_top_via_text() -> None:
    assert top_via_text(headers("Via", "SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b")) == "SIP/2.0/UDP a;branch=1"
    assert top_via_text(Headers()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<sip:a@b;lr>;x", "sip:a@b;lr"),
        ("sip:a@b;tag=1", "sip:a@b"),
        ('"<sip:x>" <sip:a@b>', "sip:a@b"),
        ("A B < sip:a@b >", "sip:a@b"),
        ("<sip:open", "sip:open"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_uri_text(value: str, text: str) -> None:
    assert uri_text(value) == text


def test_uri_of() -> None:
    uri = uri_of('"Bob" <sip:bob@pbx1:5070;Transport=tcp?Subject=x>;q=1')
    assert (uri.user, uri.host, uri.port, dict(uri.parameters)) == ("bob", "pbx1", 5070, {"transport": "tcp"})
    assert uri.headers == "Subject=x"


@pytest.mark.parametrize("value", ["*", "", "<>", "<bob@b>", "sip:a@b?x=y"])
def test_values_without_a_uri_that_can_be_read(value: str) -> None:
    with pytest.raises(ValueError, match="URI"):
        uri_of(value)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("<sip:a@b;tag=uri>", None),
        ("<sip:a@b>;tag=1", "1"),
        ("<sip:a@b> ; TAG = 1 ;x", "1"),
        ("<sip:a@b>;tag", ""),
        ('<sip:a@b>;x=";tag=2";tag="a \\"b"', 'a "b'),
        ("sip:a@b;tag=1;tag=2", "1"),
        ("SIP/2.0/UDP [::1]:5060;tag=::1", "::1"),
        ("sip:a@b;xtag=1", None),
    ],
)
def test_param_of(value: str, param: str | None) -> None:
    assert param_of(value, "tag") == param
    assert tag_of(value) == (param or "")


@pytest.mark.parametrize(
    ("value", "params", "changed"),
    [
        ("<sip:a@b;tag=u>", {"tag": "1"}, "<sip:a@b;tag=u>;tag=1"),
        ('"A; B" <sip:a> ; x = "1;2" ; Tag=0', {"tag": "1"}, '"A; B" <sip:a>;x = "1;2";tag=1'),
        ("<sip:a>;q=1;lr", {"q": None}, "<sip:a>;lr;q"),
        ("sip:a", {"reason": 'no "way"'}, 'sip:a;reason="no \\"way\\""'),
        ("a", {}, "a"),
    ],
)
def test_with_params(value: str, params: Mapping[str, str | None], changed: str) -> None:
    assert with_params(value, params) == changed


@pytest.mark.parametrize(
    ("value", "bare"),
    [("<sip:a;b> ;tag=1", "<sip:a;b>"), ("sip:a;tag=1", "sip:a"), ('"A;B" <sip:a>', '"A;B" <sip:a>')],
)
def test_without_params(value: str, bare: str) -> None:
    assert without_params(value) == bare
