"""What was counted and measured, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.guard.count import Counts
from bench.guard.limits import Judged
from bench.guard.ng_calls import VERBS
from bench.guard.tally import Step
from bench.speed import Speed

_PER = (Step.CALLS, Step.TURNS, Step.APPENDS, Step.ENTRIES, Step.COMMANDS)


def show_counts(judged: Sequence[Judged]) -> None:
    """Print a table of all counts, and what is wrong about them."""
    console = Console(width=140)
    steps = list(dict.fromkeys(each.step for each in judged))
    cells = {(each.part, each.step): _cell(each) for each in judged}
    table = Table(title="Counted, the same on every machine", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("part", no_wrap=True)
    for step in steps:
        table.add_column(step, justify="right")
    for part in dict.fromkeys(each.part for each in judged):
        table.add_row(part, *(cells.get((part, step), "") for step in steps))
    console.print(table)
    for each in judged:
        if each.fault:
            console.print(_sentence(each), style="bold", highlight=False, soft_wrap=True)


def show_ratios(speed: Speed, counts: Counts) -> None:
    """Print what an operation of the ng door costs on this machine, beside the floor, and for each step it takes."""
    console = Console(width=120)
    floor, service = speed.floor.cpu["forwarder"], speed.service.cpu["service"]
    console.print(
        f"CPU of an ng operation at full load on this machine: {service:.0f} us, {speed.ratio:.1f} times the floor's"
        f" {floor:.1f} us; {speed.service.outcome.rate:.0f} operations/s",
        highlight=False,
    )
    for step in _PER:
        taken = sum(counts[f"ng.{verb}"][step] for verb in VERBS) / len(VERBS)
        console.print(f"  {taken:.1f} {step} an operation: {service / taken:.2f} us each", highlight=False)


def _cell(judged: Judged) -> str:
    count = f"{judged.count:g}"
    return f"[bold]{count} ![/bold]" if judged.fault else count


def _sentence(judged: Judged) -> str:
    sentence = f"{judged.part}: {judged.step}: {judged.count:g} {judged.fault}"
    return f"{sentence} of {judged.limit.number} ({judged.limit.why})" if judged.limit else sentence
