"""`python -m bench.ng`: the ng door measured, with everything behind it, in processes of their own."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from bench.memory import measure_memory
from bench.options import DeleteReply, Durability, Options, Part, Relays
from bench.recovery import measure_recovery
from bench.report import Report, as_json, show
from bench.speed import measure_speed
from bench.usage import this_machine

_DEFAULT = Options()


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    parts: Annotated[str, typer.Option(help="What to measure, with commas between.")] = ",".join(_DEFAULT.parts),
    calls: Annotated[int, typer.Option(min=1, help="Calls of each measurement of speed.")] = _DEFAULT.calls,
    warm_up: Annotated[int, typer.Option(min=0, help="Calls before each, which do not count.")] = _DEFAULT.warm_up,
    window: Annotated[int, typer.Option(min=1, help="Requests under way at a time, at full load.")] = _DEFAULT.window,
    rate: Annotated[float, typer.Option(min=1, help="Operations a second of the paced part.")] = _DEFAULT.rate,
    relays: Annotated[Relays, typer.Option(help="The relay that speed is measured with.")] = _DEFAULT.relays,
    delete_reply: Annotated[
        DeleteReply,
        typer.Option(
            help="What the fake relay answers to a delete: statistics of an rtpengine 10.5 or 12.5, or ok alone."
        ),
    ] = _DEFAULT.delete_reply,
    durability: Annotated[Durability, typer.Option(help="As in the configuration.")] = _DEFAULT.durability,
    memory_calls: Annotated[int, typer.Option(min=1, help="Open calls of the memory part.")] = _DEFAULT.memory_calls,
    settle: Annotated[
        float, typer.Option(min=0.1, help="Seconds of rest in which calls leave memory; kept replies go after 60.")
    ] = _DEFAULT.settle,
    recovery_calls: Annotated[
        int, typer.Option(min=1, help="Live calls in the journal at the restart.")
    ] = _DEFAULT.recovery_calls,
    as_document: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure the service: offers, answers and deletes through its ng door, beside the floor and the bare relay."""
    options = Options(
        parts=_parts(parts),
        calls=calls,
        warm_up=warm_up,
        window=window,
        rate=rate,
        relays=relays,
        delete_reply=delete_reply,
        durability=durability,
        memory_calls=memory_calls,
        settle=settle,
        recovery_calls=recovery_calls,
    )
    report = asyncio.run(_measure(options))
    if as_document:
        print(json.dumps(as_json(report), indent=2))
    else:
        show(report)


def _parts(text: str) -> tuple[Part, ...]:
    try:
        asked = {Part(word.strip()) for word in text.split(",")}
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(Part)}", param_hint="--parts") from error
    return tuple(part for part in Part if part in asked)


async def _measure(options: Options) -> Report:
    asked = options.parts
    return Report(
        machine=this_machine(),
        options=options,
        throughput=await measure_speed(options, rate=0) if Part.THROUGHPUT in asked else None,
        paced=await measure_speed(options, options.rate) if Part.PACED in asked else None,
        memory=await measure_memory(options) if Part.MEMORY in asked else None,
        recovery=await measure_recovery(options) if Part.RECOVERY in asked else None,
    )


if __name__ == "__main__":
    app()
