"""What classes need that were written out for the compiler (packages/native_values.py). No source imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr  # for the compiler's eyes
else:

    def mypyc_attr(**_: bool) -> Callable[[type[Any]], type[Any]]:
        """Return what leaves a class as it is."""
        return lambda cls: cls


T = TypeVar("T")

replaced: Any = replace
"""`dataclasses.replace` for a type checker, which does not know that a class written out is a dataclass."""

_INHERITED: Final = ("__dataclass_fields__", "__dataclass_params__")
_TAKEN: Final = (*_INHERITED, "__match_args__", "__annotations__")
_UNLESS_ITS_OWN: Final = ("__eq__", "__hash__", "__repr__")


def written_out(
    cls: type[Any],
    decorator: Callable[[type[Any]], type[Any]],
    annotations: Mapping[str, str],
    defaults: Mapping[str, Any],
) -> None:
    """Give a class all that a dataclass has but for its `__init__`, and what copies and pickles need.

    decorator: what stands before it in its source. annotations and defaults are those of its own fields.
    """
    inherited = {name: getattr(cls.__base__, name) for name in _INHERITED if hasattr(cls.__base__, name)}
    bases = (type("Base", (), inherited),) if inherited else ()
    like = decorator(type(cls.__name__, bases, {"__annotations__": dict(annotations), **defaults}))
    for name in (*_TAKEN, *(name for name in _UNLESS_ITS_OWN if cls.__dict__.get(name) is None)):
        setattr(cls, name, getattr(like, name))
    cls.__reduce__ = _reduced  # type: ignore[assignment]


def _reduced(one: Any) -> tuple[Callable[..., Any], tuple[type[Any], dict[str, Any]]]:
    return _made, (type(one), {each.name: getattr(one, each.name) for each in fields(one)})


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    return kind(**values)
