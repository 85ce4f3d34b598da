"""Values of the state as plain ones (numbers, texts, bytes, lists), and back, by the annotations of their classes.

A dataclass is a list of its fields, a mapping a list of pairs, an enumeration's member its value.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Iterable
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any

Way = Callable[[Any], Any] | None
"""How a value is made another; None where it stays what it is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How values of a type are written and read. name: says all of the form, so that equal names are equal forms."""

    name: str
    write: Way = None
    read: Way = None


@functools.cache
def form_of(hint: Any) -> Form:  # noqa: PLR0911 - one for each kind of type
    """Return the form of a type; TypeError for one that has none."""
    hint = getattr(hint, "__supertype__", hint)  # that of a NewType
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (int, str, bytes, bool):
        return Form(hint.__name__)
    if origin is typing.Literal:  # of some members of an enumeration
        return _enumerated(type(arguments[0]), arguments)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enumerated(hint, hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(hint)
    if origin in (UnionType, typing.Union) and NoneType in arguments and len(arguments) == 2:
        inner = form_of(next(one for one in arguments if one is not NoneType))
        return Form(f"{inner.name}?", _unless_none(inner.write), _unless_none(inner.read))
    if origin is dict:
        return _mapping(*map(form_of, arguments))
    if origin in (list, frozenset) or (origin is tuple and arguments[-1] is Ellipsis):
        item = form_of(arguments[0])
        made = sorted if origin is frozenset else list  # the order of a set is nothing to rely on
        return Form(f"{origin.__name__}[{item.name}]", _each(item.write, made), _each(item.read, origin))
    if origin is tuple:
        forms = tuple(map(form_of, arguments))
        name = ",".join(form.name for form in forms)
        return Form(f"({name})", _row([form.write for form in forms], list), _row([form.read for form in forms], tuple))
    raise TypeError(f"no form for values of type {hint}")


def _enumerated(kind: type[Enum], members: Iterable[Enum]) -> Form:
    return Form(f"{kind.__name__}{[one.value for one in members]}", attrgetter("value"), kind)


def _record(kind: type[Any]) -> Form:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    if any(field.kw_only or not field.init for field in fields):
        raise TypeError(f"{kind.__name__} is not made of its fields in their order")
    forms = [form_of(hints[field.name]) for field in fields]
    take_apart = attrgetter(*(field.name for field in fields))
    write, read = _row([form.write for form in forms], list), _row([form.read for form in forms], list)
    name = ",".join(f"{field.name}:{form.name}" for field, form in zip(fields, forms, strict=True))
    return Form(f"{kind.__name__}({name})", lambda record: write(take_apart(record)), lambda row: kind(*read(row)))


def _row(ways: list[Way], kind: type[Any]) -> Callable[[Any], Any]:
    changed = [(place, way) for place, way in enumerate(ways) if way is not None]

    def convert(values: Any) -> Any:
        row = list(values)
        if len(row) != len(ways):
            raise ValueError(f"{len(ways)} values expected, not {len(row)}")
        for place, way in changed:
            row[place] = way(row[place])
        return row if kind is list else kind(row)

    return convert


def _mapping(key: Form, item: Form) -> Form:
    write, read = _row([key.write, item.write], list), _row([key.read, item.read], list)

    def read_all(pairs: Any) -> Any:
        return dict(map(read, pairs))

    return Form(f"{{{key.name}:{item.name}}}", lambda mapping: [write(pair) for pair in mapping.items()], read_all)


def _each(way: Way, kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return kind if way is None else lambda values: kind(map(way, values))


def _unless_none(way: Way) -> Way:
    return None if way is None else lambda value: None if value is None else way(value)
