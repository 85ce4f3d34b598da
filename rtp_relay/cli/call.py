"""`rtp-relay call`: one call as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.control.documents import Document
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, print_json, table, to_the_second

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]

COLUMNS = ("session", "status", "engine", "set", "node", "id", "from-tag", "to-tag", "branch")


def call(call_id: CallArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a call as its journal says that it is, with all sessions that it has had; times are UTC."""

    async def read(service: Management) -> Document:
        found: Document = await service.call("rtp_relay:call", callid=call_id)
        return found

    document = manage(config, read)
    if as_json:
        print_json(document)
    else:
        show(document)


def show(document: Document) -> None:
    """Show a call's document as a table of its sessions."""
    made = table(_title(document), *COLUMNS)
    for session in document["sessions"]:
        names = ("number", "status", "engine", "set", "node", "id", "from_tag", "to_tag", "branch")
        made.add_row(*(cell(session[name]) for name in names))
    console().print(made)


def _title(document: Document) -> str:
    begun, changed = to_the_second(document["created"]), to_the_second(document["changed"])
    title = f"call {document['call_id']}, {document['status']}, version {document['version']}"
    return f"{title}, begun {begun}, changed {changed} by {document['by']}"
