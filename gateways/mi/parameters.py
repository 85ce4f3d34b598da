"""Parameters of MI methods: which sets of them a method takes (its recipes), and what was given put to their names.

As in OpenSIPS, what is given by name has to be exactly the set of one recipe. What is given by position fits the recipe
of that length; where several have it, the types decide: OpenSIPS refuses these as ambiguous, and documents them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateways.mi.jsonrpc import Json, MiError, Params, invalid_params

LARGEST = 10**18 - 1
"""The largest number that is taken for one."""

MOST = 1_000_000
"""The largest number of what is counted, or of seconds, that a job may be given."""

_COUNT = "Too few or too many parameters"
_AMBIGUOUS = "Ambiguous call, use named parameters instead"
_NAMES = "Named parameters do not match"
_NUMBER = re.compile(r"[+-]?\d{1,18}")


class WrongType(ValueError):
    """A value is not of the parameter's type."""


def as_text(value: Json) -> str:
    """Read a string; a number is as good as its digits. Raises WrongType.

    What no bytes can be made of (halves of surrogate pairs) is none; bytes that are no UTF-8 are, as PEP 383 has them.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise WrongType
    try:
        text = str(value)
        text.encode("utf-8", "surrogateescape")
    except ValueError:
        raise WrongType from None
    return text


def as_number(value: Json) -> int:
    """Read a whole number of up to 18 digits, which fits into 64 bits; its digits are as good. Raises WrongType."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    raise WrongType


def as_switch(value: Json) -> bool:
    """Read a yes or no: true, false, 1 or 0. Raises WrongType."""
    if isinstance(value, bool):
        return value
    number = as_number(value)
    if number not in (0, 1):
        raise WrongType
    return bool(number)


def as_texts(value: Json) -> list[str]:
    """Read a list of strings; a single one is a list of one. Raises WrongType."""
    return [as_text(item) for item in value] if isinstance(value, list) else [as_text(value)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name, how its value is read, and whether a value without a name looks like one of it.

    optional: whether it may be left out; those that may stand after those that may not. by_name: whether it, and
    with it its whole recipe, is taken by name alone.
    """

    name: str
    read: Callable[[Json], Json] = as_text
    looks_right: Callable[[Json], bool] | None = None
    optional: bool = False
    by_name: bool = False

    def value(self, given: Json) -> Json:
        """Read a value. Raises MiError."""
        try:
            return self.read(given)
        except WrongType:
            raise invalid_params(f"Bad type for parameter '{self.name}'") from None

    def may_be(self, given: Json) -> bool:
        """Return whether a value without a name may be one of this parameter."""
        try:
            self.read(given)
        except WrongType:
            return False
        return self.looks_right is None or self.looks_right(given)


Recipe = Sequence[Parameter]
"""A set of parameters that a method takes, in the order of positions."""

Arguments = Mapping[str, Json]


def arguments(recipes: Sequence[Recipe], params: Params) -> Arguments:
    """Return what was given, by name, as the recipe that it fits reads it. Raises MiError if it fits none."""
    if not params:
        params = []
    if isinstance(params, Mapping):
        return _by_name(recipes, params)
    return _by_position(recipes, params)


def positive(given: Arguments, name: str, default: int) -> int:
    """Return a number from 1 to MOST, or the default where none is given. Raises MiError for any other."""
    number: int = given.get(name, default)
    if name in given and not 1 <= number <= MOST:
        raise MiError(400, f"Bad {name}", f"{name} {number}: expected 1 to {MOST}")
    return number


def forms(recipe: Recipe) -> Iterator[Sequence[str]]:
    """Return the names that a recipe takes by position, without what is optional, and with more and more of it.

    One that is taken by name alone has one form: all of its names.
    """
    names = [one.name for one in recipe]
    least = len(names) if _by_name_alone(recipe) else _least(recipe)
    return (names[:count] for count in range(least, len(names) + 1))


def _least(recipe: Recipe) -> int:
    return sum(not one.optional for one in recipe)


def _by_name_alone(recipe: Recipe) -> bool:
    return any(one.by_name for one in recipe)


def _takes(recipe: Recipe, count: int) -> bool:
    return _least(recipe) <= count <= len(recipe)


def _by_name(recipes: Sequence[Recipe], params: Mapping[str, Json]) -> Arguments:
    for recipe in recipes:
        needed, known = ({one.name for one in recipe if not one.optional}, {one.name for one in recipe})
        if needed <= params.keys() <= known:
            return {one.name: one.value(params[one.name]) for one in recipe if one.name in params}
    as_many = any(_takes(recipe, len(params)) for recipe in recipes)
    raise invalid_params(_NAMES if as_many else _COUNT)


def _by_position(recipes: Sequence[Recipe], params: Sequence[Json]) -> Arguments:
    listed = [recipe for recipe in recipes if not _by_name_alone(recipe)]
    as_many = [recipe[: len(params)] for recipe in listed if _takes(recipe, len(params))]
    if not as_many:
        raise invalid_params(_COUNT)
    fitting = [
        recipe for recipe in as_many if all(one.may_be(given) for one, given in zip(recipe, params, strict=True))
    ]
    chosen = as_many if len(as_many) == 1 else fitting
    if len(chosen) != 1:
        raise invalid_params(_AMBIGUOUS)
    return {one.name: one.value(given) for one, given in zip(chosen[0], params, strict=True)}
