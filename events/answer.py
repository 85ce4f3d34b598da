"""What a journal says of what it was asked to write or to check."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol


class Answer(Protocol):
    """The version that a stream is at when that is done, or the error that it failed with. An `asyncio.Future` is one.

    It can be awaited.
    """

    def add_done_callback(self, callback: Callable[[Any], object], /) -> object:
        """Have a function called with this answer when it has come; if it has, in a turn of the loop of its own."""

    def exception(self) -> BaseException | None:
        """Return the error, None for none. The answer has come."""

    def __await__(self) -> Generator[Any, None, int]: ...
