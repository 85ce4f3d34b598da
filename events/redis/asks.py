"""Single commands, which travel in shared pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from events.journal import JournalUnavailable
from events.redis.lane import Lane, Request, passing
from events.redis.wire import Command


@dataclass(slots=True, kw_only=True, eq=False)
class Ask(Request):
    """A single command; `parse` makes the answer of its reply."""

    command: Command
    parse: Callable[[Any], Any]


class AskLane(Lane[Ask]):
    """Carries single commands, which may be done twice without harm."""

    def commands(self, batch: Sequence[Ask]) -> list[Command]:
        """Give the commands as they are."""
        return [request.command for request in batch]

    def settle(self, batch: Sequence[Ask], replies: list[Any]) -> list[tuple[Ask, Exception]]:
        """Give each its reply, parsed."""
        again: list[tuple[Ask, Exception]] = []
        for request, reply in zip(batch, replies, strict=True):
            if isinstance(reply, ResponseError):
                if passing(reply):
                    again.append((request, reply))
                else:
                    request.fail(JournalUnavailable(f"Redis refuses: {reply}"))
            elif not request.future.done():
                self._answer(request, reply)
        return again

    @staticmethod
    def _answer(request: Ask, reply: Any) -> None:
        try:
            request.future.set_result(request.parse(reply))
        except Exception as error:  # whatever this one reply did, the others get theirs
            request.fail(error)
