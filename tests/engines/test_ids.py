"""The ids of sessions on nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ids import call_id_of, id_on_node


@given(st.text(alphabet="a1#\n\udcff"), st.integers(1, 10**6))
def test_the_call_id_can_be_told_from_the_id_on_the_node(call_id: str, session: int) -> None:
    assert call_id_of(id_on_node(call_id, session)) == call_id


def test_another_id_is_none() -> None:
    with pytest.raises(ValueError, match="a#b"):
        call_id_of("a#b")
