"""`rtp-relay end`: a call is ended, also one that is quarantined."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.control.documents import Document
from actors.control.ending import Ending
from replay.history.timeline import printable
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]

_WORDS = {
    Ending.PARTIES: "its parties get a BYE",
    Ending.SESSIONS: "who signals it is not told",
    Ending.RELEASED: "it is quarantined",
}


def end(call_id: CallArgument, config: ConfigOption = None) -> None:
    """End a call: its parties get a BYE where they are known, and its sessions are removed until the relays confirm it.

    A quarantined call is ended by any control node that runs. A live one needs a service that runs here.
    """

    async def ask(service: Management) -> Document:
        ended: Document = await service.call("rtp_relay:end", callid=call_id)
        return ended

    ended = manage(config, ask)
    sessions = ended["sessions"]
    count = f"{len(sessions)} session{'' if len(sessions) == 1 else 's'}"
    typer.echo(f"{printable(call_id)}: {_WORDS[Ending(ended['how'])]}; {count} to be removed by the control nodes")
    for session in sessions:
        typer.echo(f"  {printable(session['id'])} on {printable(session['node'])}")
