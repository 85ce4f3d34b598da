"""What all that scripts see has in common: a name that there is not is an error which lists those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING


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
                if hasattr(type(self), name):  # its own setter raised it, or there is none
                    raise
                raise AttributeError(_unknown(self, name)) from None


def _unknown(thing: Named, name: str) -> str:
    kind = type(thing)
    known = ", ".join(known for known in sorted(dir(kind)) if not known.startswith("_"))
    return f"{kind.__name__} has no {name!r}; there are {known}"
