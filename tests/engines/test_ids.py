"""The ids of sessions on nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ids import call_id_of, id_on_node, safe_name
from events.names import CallId, RelayId

NAMES = st.text(alphabet="a12fx#/\\.\n\0\udcff")


@given(NAMES, st.integers(1, 10**6))
def test_the_call_id_can_be_told_from_the_id_on_the_node(call_id: CallId, session: int) -> None:
    assert call_id_of(id_on_node(call_id, session)) == call_id


@given(NAMES, NAMES)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


@given(NAMES, st.integers(1, 3))
def test_no_id_has_what_means_something_in_a_path(call_id: CallId, session: int) -> None:
    assert not set(id_on_node(call_id, session)) & set("/\\")


def test_the_usual_names_stay_as_they_are() -> None:
    assert id_on_node(CallId("a84b4c76e66710@pc33.example.com"), 1) == "a84b4c76e66710@pc33.example.com"
    assert safe_name("1928301774-._~%!*+`'") == "1928301774-._~%!*+`'"


def test_another_id_is_none() -> None:
    with pytest.raises(ValueError, match="a#b"):
        call_id_of(RelayId("a#b"))
