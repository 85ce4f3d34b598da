"""`python -m bench.migrate`: calls with RTP move from one relay to another, and off a dead one."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from bench.migrate.measure import NoMedia, measure
from bench.migrate.options import Engine, How, Media, MoveOptions, Nat, Part
from bench.migrate.report import Report, as_json, show
from bench.usage import this_machine

_DEFAULT = MoveOptions()
_Word = TypeVar("_Word", bound=StrEnum)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    engines: Annotated[str, typer.Option(help="The kinds of relays, with commas between.")] = ",".join(
        _DEFAULT.engines
    ),
    media: Annotated[str, typer.Option(help="The kinds of media, with commas between.")] = ",".join(_DEFAULT.media),
    nats: Annotated[str, typer.Option(help="What stands before the parties, with commas between.")] = ",".join(
        _DEFAULT.nats
    ),
    parts: Annotated[str, typer.Option(help="What happens to the calls, with commas between.")] = ",".join(
        _DEFAULT.parts
    ),
    how: Annotated[
        How, typer.Option(help="How planned moves are asked for: by a drain, or each singly.")
    ] = _DEFAULT.how,
    calls: Annotated[int, typer.Option(min=1, help="How many calls.")] = _DEFAULT.calls,
    control: Annotated[float, typer.Option(min=0.5, help="Seconds in which nothing moves.")] = _DEFAULT.control,
    rate: Annotated[float, typer.Option(min=0.1, help="Planned moves begun a second.")] = _DEFAULT.rate,
    in_flight: Annotated[int, typer.Option(min=1, help="Planned moves at a time.")] = _DEFAULT.in_flight,
    pace: Annotated[float, typer.Option(min=0.1, help="Moves off a dead node begun a second.")] = _DEFAULT.pace,
    ping_every: Annotated[float, typer.Option(min=0.2, help="Seconds between pings of a node.")] = _DEFAULT.ping_every,
    as_document: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure what moves cost in packets. Ends with 1 if calls were not moved, with 2 if no media flowed in them."""
    options = MoveOptions(
        engines=_words(Engine, engines, "--engines"),
        media=_words(Media, media, "--media"),
        nats=_words(Nat, nats, "--nats"),
        parts=_words(Part, parts, "--parts"),
        how=how,
        calls=calls,
        control=control,
        rate=rate,
        in_flight=in_flight,
        pace=pace,
        ping_every=ping_every,
    )
    machine = this_machine()
    try:
        report = Report(machine=machine, options=options, runs=asyncio.run(measure(options)))
    except NoMedia as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    if as_document:
        print(json.dumps(as_json(report), indent=2))
    else:
        show(report)
    if report.failures:
        raise typer.Exit(1)


def _words(kind: type[_Word], text: str, option: str) -> tuple[_Word, ...]:
    try:
        return tuple(kind(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(kind)}", param_hint=option) from error


if __name__ == "__main__":
    app()
