"""Node sets by number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.set_names import BY_NAME, SetNames

MAPPED = SetNames({1: "west", 2: "east", 7: "west"})

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


@pytest.mark.parametrize(
    ("names", "given_as", "name"),
    [
        (BY_NAME, 0, "default"),
        (BY_NAME, "0", "default"),
        (BY_NAME, 1, "1"),
        (BY_NAME, "1", "1"),
        (BY_NAME, "01", "01"),
        (BY_NAME, "gold", "gold"),
        (MAPPED, 1, "west"),
        (MAPPED, "1", "west"),
        (MAPPED, "west", "west"),
        (MAPPED, 3, "3"),
        (MAPPED, 0, "default"),
        (SetNames({0: "main"}), 0, "main"),
        (SetNames({0: "main"}), "default", "default"),
    ],
)
def test_a_set_by_its_name_or_number(names: SetNames, given_as: str | int, name: str) -> None:
    assert names.name(given_as) == name


@pytest.mark.parametrize("wrong", ["", -1, "-1", True, None, 1.0, ["west"]])
def test_what_is_no_set(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is no set"):
        MAPPED.name(wrong)


@pytest.mark.parametrize(
    ("names", "name", "number"),
    [
        (BY_NAME, "default", 0),
        (BY_NAME, "1", 1),
        (BY_NAME, "01", "01"),
        (BY_NAME, "gold", "gold"),
        (MAPPED, "west", 1),
        (MAPPED, "east", 2),
        (MAPPED, "default", 0),
        (SetNames({0: "main"}), "main", 0),
        (SetNames({0: "main"}), "default", "default"),
        (SetNames({0: "main"}), "0", "0"),
    ],
)
def test_what_a_set_is_called(names: SetNames, name: str, number: str | int) -> None:
    assert names.number(name) == number


@given(st.dictionaries(st.integers(0, 9), NAMES | st.just("default")), NAMES | st.integers(0, 12))
def test_what_a_set_is_called_leads_to_it(numbers: dict[int, str], of: str | int) -> None:
    names = SetNames(numbers)
    name = names.name(of)
    assert names.name(names.number(name)) == name
