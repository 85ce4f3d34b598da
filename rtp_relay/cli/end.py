"""`rtp-relay end`: what a quarantined call still has on relays is removed."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated

import typer

from actors.control.control import Control
from actors.quarantine.release import NotQuarantined
from events.journal import JournalError
from events.names import CallId
from replay.history.timeline import printable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption
from rtp_relay.cli.output import fail
from rtp_relay.cli.reading import read_control

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]


def end(call_id: CallArgument, config: ConfigOption = None) -> None:
    """End a quarantined call: any control node that runs removes its sessions, until the relays confirm it."""

    async def want(control: Control) -> Sequence[tuple[str, str]]:
        return await control.end_quarantined(CallId(call_id), f"rtp-relay end, by {_operator()}")

    try:
        sessions = read_control(config, want)
    except NotQuarantined:
        fail(Exit.NOT_FOUND, f"call {call_id!r} is not quarantined")
    except JournalError as error:
        fail(Exit.FAILED, str(error))
    count = f"{len(sessions)} session{'' if len(sessions) == 1 else 's'}"
    typer.echo(f"{printable(call_id)}: {count} to be removed by the control nodes")
    for node, relay_id in sessions:
        typer.echo(f"  {printable(relay_id)} on {printable(node)}")


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an operator"
