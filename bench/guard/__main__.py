"""`python -m bench.guard`: counts what calls take, holds it against the limits, and prints what it costs here.

It ends with 1 if a count is above its limit, or so far below that the limit has to follow. What depends on the machine
is printed only.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
import uvloop

from bench.guard.expected import leave_out_expected
from bench.guard.limits import judge, read_limits
from bench.guard.report import show_counts, show_ratios
from bench.guard.stories import count_all
from bench.options import Options
from bench.speed import measure_speed
from rtp_relay import logs
from rtp_relay.config import LogFormat, LogLevel

_SPEED = Options(calls=4000, warm_up=500)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    counts_only: Annotated[
        bool, typer.Option("--counts", help="Count only: nothing that depends on the machine.")
    ] = False,
) -> None:
    """Count what operations and calls take, and fail if it is not what the limits say."""
    logs.set_up(LogLevel.WARNING, LogFormat.CONSOLE)
    leave_out_expected()
    counts = uvloop.run(count_all())
    judged = judge(counts, read_limits())
    show_counts(judged)
    if not counts_only:
        show_ratios(asyncio.run(measure_speed(_SPEED, rate=0)), counts)
    sys.exit(any(each.fault for each in judged))


if __name__ == "__main__":
    app()
