"""What the demonstration tells while it works, and in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from events.records import Recorded
from replay.history import timeline_text
from replay.history.timeline import printable, timeline

PAPER = 100
"""Columns at which lines are wrapped where there is no terminal."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step of the story: what it is to show, whether it did, and what was found."""

    name: str
    ok: bool
    found: str


class Report:
    """Tells people about steps as they end; programs get one JSON document on standard output in the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._console = Console(stderr=as_json, markup=False, highlight=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = PAPER

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show, on a terminal, that a step is under way."""
        with self._console.status(Text(name)):
            yield

    def tell(self, check: StepResult) -> None:
        """Return how a step ended."""
        mark = Text("ok      ", "green") if check.ok else Text("FAILED  ", "bold red")
        self._console.print(mark + Text(check.name) + Text(f": {printable(check.found)}", "dim"))

    def note(self, text: str) -> None:
        """Print a remark beside the steps."""
        self._console.print(Text(printable(text)))

    def conclude(
        self,
        call_id: str,
        checks: Sequence[StepResult],
        expected: int,
        history: Sequence[Recorded],
        folder: Path | None,
    ) -> None:
        """Show the call's history and what was checked. `folder` is named if it was kept."""
        ok = sum(check.ok for check in checks)
        if history:
            moments = list(timeline(history))
            for line in timeline_text.text_of(call_id, moments, self._console.width):
                self._console.print(Text(line), soft_wrap=True)
        self.note(f"{ok} of {expected} checks passed" + ("" if ok == expected else ": the demonstration has FAILED"))
        if folder is not None:
            self.note(f"kept: {folder}")
        if self._json:
            document = {
                "ok": ok == expected,
                "call_id": call_id,
                "checks": [asdict(check) for check in checks],
                "expected": expected,
                "history": [entry.event.name for entry in history],
                "folder": str(folder) if folder else None,
            }
            print(json.dumps(document, indent=2))
