"""`rtp-relay web`: the operator's page."""

from __future__ import annotations

from typing import Annotated

import typer

from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, load_or_exit
from rtp_relay.cli.output import fail

HashOption = Annotated[
    bool, typer.Option("--hash-password", help="Ask for a password, print what stands for it in login_file, and end.")
]
BesideOption = Annotated[bool, typer.Option("--beside-serve", hidden=True)]


def web(config: ConfigOption = None, hash_password: HashOption = False, beside_serve: BesideOption = False) -> None:
    """Serve the operator's page until SIGTERM or SIGINT: calls, nodes, moves, and what can be changed about them.

    It reads the journal itself, and asks the service for changes by its local socket, so that calls wait for nothing
    of it. Beside an embedded service it runs by itself.
    """
    from rtp_relay.web.accounts import hash_of  # noqa: PLC0415 - other commands do not wait for a web server
    from rtp_relay.web.process import CannotServe, run  # noqa: PLC0415

    if hash_password:
        typer.echo(hash_of(typer.prompt("Password", hide_input=True, confirmation_prompt=True)))
        return
    try:
        run(load_or_exit(config), beside_serve=beside_serve)
    except CannotServe as error:
        if beside_serve:
            typer.echo(f"rtp-relay: no operator's page, the service goes on without: {error}", err=True)
            raise typer.Exit(Exit.FAILED) from None
        fail(Exit.FAILED, str(error))
