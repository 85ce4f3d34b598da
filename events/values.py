"""Values: classes whose objects are made once and never changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def value(cls: type[T], /) -> type[T]: ...


@overload
def value(*, kw_only: bool = False, derivable: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(
    cls: type[T] | None = None, /, *, kw_only: bool = False, derivable: bool = False
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a dataclass with slots whose objects are not to be changed.

    Type checkers see to that. Python itself is not asked to: its frozen dataclasses cost three times as much to make,
    and of these values an operation makes some thirty.

    derivable: whether modules that are not compiled may derive classes from it (packages/native_values.py).
    """
    del derivable  # the build reads it in the source

    def make(kind: type[T]) -> type[T]:
        return dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)(kind)

    return make if cls is None else make(cls)
