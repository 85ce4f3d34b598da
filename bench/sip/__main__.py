"""`python -m bench.sip`: calls through the SIP door, with everything behind it, in processes of their own."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from bench.options import DeleteReply, Durability, Relays
from bench.sip.measure import measure
from bench.sip.options import SipOptions, Way
from bench.sip.report import Report, as_json, show
from bench.usage import this_machine

_DEFAULT = SipOptions()
_Word = TypeVar("_Word", bound=StrEnum)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    ways: Annotated[str, typer.Option(help="What calls go through, with commas between.")] = ",".join(_DEFAULT.ways),
    relays: Annotated[str, typer.Option(help="The relays behind, with commas between.")] = ",".join(_DEFAULT.relays),
    rates: Annotated[str, typer.Option(help="Calls a second, with commas between.")] = ",".join(
        map(str, _DEFAULT.rates)
    ),
    seconds: Annotated[float, typer.Option(min=0.1, help="For how long, at each rate.")] = _DEFAULT.seconds,
    hold: Annotated[int, typer.Option(min=0, help="Milliseconds from ACK to BYE.")] = _DEFAULT.hold,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds before each, which do not count.")] = _DEFAULT.warm_up,
    delete_reply: Annotated[
        DeleteReply, typer.Option(help="What the fake relay answers to a delete: statistics, or ok alone.")
    ] = _DEFAULT.delete_reply,
    durability: Annotated[Durability, typer.Option(help="As in the configuration.")] = _DEFAULT.durability,
    workers: Annotated[int, typer.Option(min=1, help="How many workers the service has.")] = _DEFAULT.workers,
    as_document: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure the service: calls of SIPp through its SIP door, beside a Kamailio with its module rtpengine."""
    options = SipOptions(
        ways=_words(Way, ways, "--ways"),
        relays=_words(Relays, relays, "--relays"),
        rates=_rates(rates),
        seconds=seconds,
        hold=hold,
        warm_up=warm_up,
        delete_reply=delete_reply,
        durability=durability,
        workers=workers,
    )
    report = Report(machine=this_machine(), options=options, measured=asyncio.run(measure(options)))
    if as_document:
        print(json.dumps(as_json(report), indent=2))
    else:
        show(report)


def _words(kind: type[_Word], text: str, option: str) -> tuple[_Word, ...]:
    try:
        return tuple(kind(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(kind)}", param_hint=option) from error


def _rates(text: str) -> tuple[int, ...]:
    try:
        rates = tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rates") from error
    if min(rates) < 1:
        raise typer.BadParameter("a rate is at least one call a second", param_hint="--rates")
    return rates


if __name__ == "__main__":
    app()
