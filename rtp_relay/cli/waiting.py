"""Waiting for a node to have no calls left, with a bar that shows how far that is."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from events.journal import JournalUnavailable
from gateways.mi.jsonrpc import MiError
from rtp_relay.cli.deciding import Decision, control_nodes_behind
from rtp_relay.cli.durations import seconds_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.output import fail, say

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until the node has no calls left.")]
DeadlineOption = Annotated[
    str | None,
    typer.Option("--deadline", metavar="TIME", help='Wait for so long at most: seconds, or such as "90s" or "1h30m".'),
]

LOOK = 0.5
"""Seconds between two looks at how many calls there are."""


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds is waited; None without an end."""

    seconds: float | None = None

    @property
    def whole_seconds(self) -> int | None:
        """So many seconds at least, and one at least; None without an end."""
        return None if self.seconds is None else max(1, math.ceil(self.seconds))

    @classmethod
    def of(cls, deadline: str | None, most: float = math.inf) -> Patience:
        """Return what the option says, `most` seconds at most; end if it makes no sense."""
        return cls() if deadline is None else cls(seconds_of("--deadline", deadline, most=most))


def until_empty(path: Path | None, node: str, decision: Decision, patience: Patience) -> None:
    """Wait until a node has no calls and gets none, and end with 5 if that is not so when patience is over."""
    left = manage(path, lambda service: _Emptying(service, node, decision.version).wait(patience))
    if left.calls:
        fail(Exit.CALLS_LEFT, f"{node} still has {left.calls} call{'' if left.calls == 1 else 's'}")
    if left.behind:
        fail(Exit.CALLS_LEFT, f"{node} has no calls, and may still get some: {', '.join(left.behind)} does not know")
    say(f"{node} has no calls")


@dataclass(frozen=True, slots=True)
class _Left:
    """What a node still has, and which control nodes may still give it more."""

    calls: int
    behind: Sequence[str]


class _Emptying:
    """Looks again and again at what a node has. While nobody answers, what was found last is taken for true."""

    def __init__(self, service: Management, node: str, version: int) -> None:
        self._service, self._node, self._version = service, node, version

    async def wait(self, patience: Patience) -> _Left:
        """Return what is left: nothing, unless patience was over before."""
        loop = asyncio.get_running_loop()
        deadline = math.inf if patience.seconds is None else loop.time() + patience.seconds
        left = await self._look()
        most = left.calls
        with _progress() as progress:
            bar = progress.add_task(f"draining {self._node}", total=most, left=most)
            while (left.calls or left.behind) and loop.time() < deadline:
                await asyncio.sleep(max(0.0, min(LOOK, deadline - loop.time())))
                with contextlib.suppress(JournalUnavailable, MiError):
                    left = await self._look()
                most = max(most, left.calls)
                progress.update(bar, total=most, completed=most - left.calls, left=left.calls)
        return left

    async def _look(self) -> _Left:
        behind = await control_nodes_behind(self._service, self._version)  # first: it may place a call until it follows
        return _Left((await self._service.call("rtp_relay:count"))["nodes"].get(self._node, 0), behind)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]} left"))
    quiet = not sys.stderr.isatty()
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), disable=quiet, transient=True)
