"""Which parameters a method takes, by name and by position."""

from __future__ import annotations

from typing import Any

import pytest

from gateways.mi.jsonrpc import MiError
from gateways.mi.parameters import Parameter, arguments, as_number, as_texts
from gateways.mi.sessions import FILTERS

NUMBER, TEXTS = Parameter("number", as_number), Parameter("texts", as_texts)


def refusal(recipes: Any, params: Any) -> Any:
    with pytest.raises(MiError) as caught:
        arguments(recipes, params)
    assert (caught.value.code, caught.value.message) == (-32602, "Invalid params")
    return caught.value.data


@pytest.mark.parametrize("params", [{}, []])
def test_nothing(params: Any) -> None:
    assert arguments(FILTERS, params) == {}


@pytest.mark.parametrize(
    ("params", "taken"),
    [
        (["rtpproxy"], {"engine": "rtpproxy"}),
        (["rtpproxy", "udp:127.0.0.1:2222"], {"engine": "rtpproxy", "node": "udp:127.0.0.1:2222"}),
        (["rtpproxy", 1], {"engine": "rtpproxy", "set": "1"}),
        (["rtpproxy", "1"], {"engine": "rtpproxy", "set": "1"}),
        (["rtpproxy", "gold"], {"engine": "rtpproxy", "set": "gold"}),
        (["rtpproxy", 1, "udp:h:1"], {"engine": "rtpproxy", "set": "1", "node": "udp:h:1"}),
        ({"engine": "rtpproxy", "node": "relay-1"}, {"engine": "rtpproxy", "node": "relay-1"}),
        ({"node": "relay-1", "engine": "rtpproxy", "set": 0}, {"engine": "rtpproxy", "set": "0", "node": "relay-1"}),
    ],
)
def test_each_documented_form_of_a_list(params: Any, taken: dict[str, str]) -> None:
    assert arguments(FILTERS, params) == taken


def test_too_many_or_too_few() -> None:
    assert refusal(FILTERS, ["a", "b", "c:1", "d"]) == "Too few or too many parameters"
    assert refusal(((NUMBER,),), []) == "Too few or too many parameters"
    assert refusal(((NUMBER,),), {"a": 1, "b": 2}) == "Too few or too many parameters"


def test_names_that_fit_no_recipe() -> None:
    assert refusal(FILTERS, {"set": 1}) == "Named parameters do not match"
    assert refusal(FILTERS, {"engin": "rtpproxy"}) == "Named parameters do not match"


def test_what_fits_two_recipes_is_ambiguous() -> None:
    two = ((Parameter("one"),), (Parameter("other"),))
    assert refusal(two, ["x"]) == "Ambiguous call, use named parameters instead"


def test_numbers_and_strings_stand_for_each_other() -> None:
    assert arguments(((NUMBER,),), ["17"]) == {"number": 17}
    assert arguments(((NUMBER,),), {"number": -3}) == {"number": -3}
    assert arguments(((Parameter("text"),),), [17]) == {"text": "17"}


@pytest.mark.parametrize("wrong", [True, None, 1.5, "x", "", [1], {"a": 1}, "1" * 30, 10**18, -(10**400), "²"])
def test_what_is_no_number(wrong: Any) -> None:
    assert refusal(((NUMBER,),), [wrong]) == "Bad type for parameter 'number'"


@pytest.mark.parametrize("wrong", [True, None, 1.5, ["x"], {"a": 1}, "\ud800", "a\ud83d"])
def test_what_is_no_string(wrong: Any) -> None:
    assert refusal(((Parameter("text"),),), {"text": wrong}) == "Bad type for parameter 'text'"


def test_bytes_that_are_no_utf8_are_a_string_too() -> None:
    assert arguments(((Parameter("text"),),), {"text": "\udcff\U0001f600"}) == {"text": "\udcff\U0001f600"}


def test_lists_of_strings() -> None:
    assert arguments(((TEXTS,),), {"texts": ["a", 1]}) == {"texts": ["a", "1"]}
    assert arguments(((TEXTS,),), ["a"]) == {"texts": ["a"]}
    assert refusal(((TEXTS,),), [[{}]]) == "Bad type for parameter 'texts'"
