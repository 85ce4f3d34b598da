"""What all that scripts see has in common: a name that there is not is an error which lists those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

put: Final = object.__setattr__
"""Sets what a view is made with: its own names need no look, as those that scripts write do."""


class Named:
    """Base of what scripts see. Subclasses have `__slots__`, so that nothing else can be written either."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker that saw these would take any name for one of ours

        def __getattr__(self, name: str) -> object:
            if hasattr(type(self), name):  # its own getter raised AttributeError
                return object.__getattribute__(self, name)
            raise AttributeError(_unknown(self, name))

        def __setattr__(self, name: str, value: object) -> None:
            try:
                object.__setattr__(self, name, value)
            except AttributeError:
                known = getattr(type(self), name, None)
                if known is None:
                    raise AttributeError(_unknown(self, name)) from None
                if not _is_read_only(known):  # its own setter raised it
                    raise
                raise AttributeError(_only_read(self, name)) from None


def _unknown(thing: Named, name: str) -> str:
    kind = type(thing)
    return f"{kind.__name__} has no {name!r}; there are {', '.join(_names(kind))}"


def _only_read(thing: Named, name: str) -> str:
    kind, held = type(thing), getattr(thing, name)
    if isinstance(held, Named):
        return f"{kind.__name__}.{name} itself cannot be set, but what it has: {', '.join(_settable(type(held)))}"
    return f"{kind.__name__}.{name} cannot be set; there can be set: {', '.join(_settable(kind))}"


def _names(kind: type[Named]) -> list[str]:
    return [name for name in sorted(dir(kind)) if not name.startswith("_")]


def _settable(kind: type[Named]) -> list[str]:
    return [name for name in _names(kind) if not _is_read_only(getattr(kind, name))]


def _is_read_only(attribute: object) -> bool:
    """Return whether what a class has under a name is a method, or a property without a setter."""
    return callable(attribute) or (isinstance(attribute, property) and attribute.fset is None)
