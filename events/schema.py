"""The shape of each event type: how its fields stand in an entry, worked out once from its annotations.

Fields have short keys, those with a default are left out while they have it.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final

from events.registry import Event

SHORT = {
    "session": "s",
    "operation": "o",
    "engine": "e",
    "set": "g",
    "node": "n",
    "relay_id": "i",
    "from_tag": "f",
    "to_tag": "t",
    "branch": "b",
    "sdp": "d",
    "relayed": "r",
    "reason": "w",
    "reached": "h",
    "command": "c",
    "scope": "k",
    "sessions": "m",
    "not_before": "u",
    "how": "y",
    "statistics": "z",
    "result": "l",
    "known": "v",
    "measured": "ms",
    "party": "pt",
    "packets": "pk",
    "octets": "oc",
    "ssrcs": "ss",
    "medium": "md",
    "kind": "kd",
    "errors": "er",
    "packets_sent": "pks",
    "octets_sent": "ocs",
    "lost": "lo",
    "jitter": "ji",
    "round_trip": "rt",
}
"""Keys of fields, for ever; a field that is not here stands under its own name."""

_REQUIRED = object()
Reader = Callable[[Any], Any]


LOST: Final = b"(cannot be opened)"
"""What stands in place of what was sealed with a key that is not to be had."""


class IllTyped(ValueError):
    """A field is missing, is not known, or is not of its type."""


class NotKnown(IllTyped):
    """A field that this program does not know: a newer one may have written it."""


class Schema:
    """How the events of one type are taken apart and put together."""

    def __init__(self, kind: type[Event]) -> None:
        self.kind = kind
        self.name = kind.name.encode()
        self.fields = Fields(kind)
        self.secret = tuple(SHORT.get(name, name) for name in kind.secret)
        self.personal = tuple(SHORT.get(name, name) for name in kind.personal)
        hints = typing.get_type_hints(kind)
        self.lost: dict[str, object] = dict.fromkeys(self.secret, LOST)
        self.lost |= {SHORT.get(name, name): LOST.decode() for name in kind.personal if hints[name] is str}


class Fields:
    """How the values of a class are taken apart and put together: an event, or a part of one."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        hints = typing.get_type_hints(kind)
        fields = [(f.name, SHORT.get(f.name, f.name), _default(f)) for f in dataclasses.fields(kind)]
        if len({key for _, key, _ in fields}) != len(fields):
            raise TypeError(f"{kind.__name__}: two fields have the same key")
        self._readers = [(key, name, default, reader(hints[name])) for name, key, default in fields]
        # An entry has first what is always there; what has a default stands behind it.
        fields.sort(key=lambda field: field[2] is not _REQUIRED)
        self._keys = [key for _, key, _ in fields]
        self._defaults = [default for _, _, default in fields]
        self._values = _getter([name for name, _, _ in fields])

    def take_apart(self, event: Any) -> dict[str, Any]:
        """Return the value's data by short keys, without what has its default."""
        keys, defaults = self._keys, self._defaults
        data: dict[str, Any] = {}
        for place, value in enumerate(self._values(event)):
            default = defaults[place]
            if value is not default and (default is _REQUIRED or value != default):
                data[keys[place]] = value
        return data

    def known(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return of such data the fields that this program knows."""
        return {key: data[key] for key in self._keys if key in data}

    def put_together(self, data: dict[str, Any]) -> Any:
        """Return the value of such data, which is used up; IllTyped when it does not fit, NotKnown if it has more."""
        values = {}
        for key, name, default, read in self._readers:
            value = data.pop(key, _REQUIRED)
            if value is not _REQUIRED:
                try:
                    values[name] = read(value)
                except (TypeError, ValueError) as error:
                    wrong = NotKnown if isinstance(error, NotKnown) else IllTyped
                    raise wrong(f"{name}: {error}") from error
            elif default is _REQUIRED:
                raise IllTyped(f"{name} is missing")
        if data:
            raise NotKnown(f"unknown fields {', '.join(sorted(map(str, data)))}")
        return self._kind(**values)


fields_of = functools.cache(Fields)
"""Return the Fields of a class, worked out once."""


def _getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gets the attributes of these names."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda thing: tuple(getattr(thing, name) for name in names)


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    return _REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()


def reader(hint: Any) -> Reader:  # noqa: PLR0911 - one for each kind of type
    """Return the function that checks a decoded value against a type and makes it that; it raises ValueError.

    Known are int, str, bytes, bool, enumerations, tuples, mappings with text keys, values with fields of these types,
    and each of them or None.
    """
    hint = getattr(hint, "__supertype__", hint)  # that of a NewType
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (int, str, bytes, bool):
        return _plain(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _part(fields_of(hint))
    if origin in (UnionType, typing.Union) and NoneType in arguments and len(arguments) == 2:
        inner = reader(next(one for one in arguments if one is not NoneType))
        return lambda value: None if value is None else inner(value)
    if origin is tuple and arguments[-1] is Ellipsis:
        return _sequence(reader(arguments[0]))
    if origin is tuple:
        return _row(tuple(map(reader, arguments)))
    if origin is Mapping and arguments[0] is str:
        return _mapping(None if arguments[1] is Any else reader(arguments[1]))
    raise TypeError(f"no rule for fields of type {hint}")


def _part(fields: Fields) -> Reader:
    mapping = _mapping(None)
    return lambda value: fields.put_together(dict(mapping(value)))


def _plain(kind: type) -> Reader:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise ValueError(f"{kind.__name__} expected, not {type(value).__name__}")
        return value

    return read


def _sequence(item: Reader) -> Reader:
    def read(value: object) -> tuple[Any, ...]:
        return tuple(map(item, _plain_list(value)))

    return read


def _row(items: tuple[Reader, ...]) -> Reader:
    def read(value: object) -> tuple[Any, ...]:
        return tuple(item(one) for item, one in zip(items, _plain_list(value), strict=True))

    return read


def _mapping(item: Reader | None) -> Reader:
    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise ValueError("a map with text keys expected")
        return value if item is None else {key: item(one) for key, one in value.items()}

    return read


_plain_list = _plain(list)
