"""The command `rtp-relay` and its subcommands."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from events.errors import error_text
from replay.history.timeline import printable
from rtp_relay import __version__
from rtp_relay.cli.bulk import moves, rebalance
from rtp_relay.cli.call import call
from rtp_relay.cli.calls import calls
from rtp_relay.cli.check import check
from rtp_relay.cli.demo import demo
from rtp_relay.cli.doctor import doctor
from rtp_relay.cli.end import end
from rtp_relay.cli.exits import EXPLAINED, Exit
from rtp_relay.cli.export import export, import_
from rtp_relay.cli.forget import forget
from rtp_relay.cli.history import history
from rtp_relay.cli.move import move
from rtp_relay.cli.node import node
from rtp_relay.cli.nodes import nodes
from rtp_relay.cli.reconcile import reconcile
from rtp_relay.cli.replay import replay
from rtp_relay.cli.search import search
from rtp_relay.cli.serve import serve
from rtp_relay.cli.stats import stats
from rtp_relay.cli.steering import disable, drain, enable, undrain
from rtp_relay.cli.tail import tail
from rtp_relay.cli.top.command import top
from rtp_relay.cli.verify import verify
from rtp_relay.cli.web import web
from rtp_relay.compiled import code_in_use
from rtp_relay.config import LogFormat, LogLevel
from rtp_relay.logs import set_up

app = typer.Typer(
    name="rtp-relay",
    help="Takes over what a SIP platform has to say to its RTP relays: every call an actor, every step in its journal.",
    epilog=EXPLAINED,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    serve,
    web,
    check,
    doctor,
    calls,
    top,
    call,
    nodes,
    drain,
    undrain,
    enable,
    disable,
    history,
    search,
    stats,
    tail,
    export,
    forget,
    replay,
    move,
    moves,
    rebalance,
    end,
    verify,
    reconcile,
    demo,
):
    app.command()(command)
app.command(name="import")(import_)
app.add_typer(node, name="node")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rtp-relay {__version__} ({code_in_use()})")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and end.")
]


@app.callback()
def _options(version: VersionOption = False) -> None:
    pass


def main() -> None:
    """Run the command line. What a terminal's encoding lacks is written out; who closed the output wants none."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - up to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    set_up(LogLevel.WARNING, LogFormat.AUTO)  # to standard error: what commands write is for pipes
    try:
        app(prog_name="rtp-relay")
    except OSError as error:
        typer.echo(f"rtp-relay: {printable(error_text(error))}", err=True)
        sys.exit(Exit.FAILED)
