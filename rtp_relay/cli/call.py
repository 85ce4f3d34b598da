"""`rtp-relay call`: one call as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from actors.control.documents import Document
from rtp_relay.cli.listing.columns import Column, Columns, Cut, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WideOption
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import print_json, say, to_the_second

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]

COLUMNS: Final[Columns[Document]] = (
    number("session", lambda session: session["number"], rank=0),
    Column(name="status", of=lambda session: session["status"], rank=1),
    Column(name="node", of=lambda session: session["node"], rank=2, cut=Cut.MIDDLE),
    Column(name="engine", of=lambda session: session["engine"], rank=4, least=10),
    Column(name="set", of=lambda session: session["set"], rank=8),
    Column(name="id", of=lambda session: session["id"], rank=3, cut=Cut.MIDDLE),
    Column(name="from-tag", of=lambda session: session["from_tag"], rank=5, cut=Cut.MIDDLE),
    Column(name="to-tag", of=lambda session: session["to_tag"], rank=6, cut=Cut.MIDDLE),
    Column(name="branch", of=lambda session: session["branch"], rank=7, cut=Cut.MIDDLE),
)


def call(
    call_id: CallArgument,
    *,
    config: ConfigOption = None,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Show a call as its journal says that it is, with all sessions that it has had; times are UTC."""

    async def read(service: Management) -> Document:
        found: Document = await service.call("rtp_relay:call", callid=call_id)
        return found

    show(manage(config, read), Display.of(form, as_json=as_json, wide=wide))


def show(document: Document, display: Display) -> None:
    """Show a call's document: as a table of its sessions, and below it its copies and the move that goes on."""
    if display.form is Form.JSON:
        print_json(document)
        return
    print_tables([Table(_title(document), COLUMNS, document["sessions"])], display)
    if display.form is Form.TABLE:
        for line in _rest(document):
            say(line)


def _title(document: Document) -> str:
    begun, changed = to_the_second(document["created"]), to_the_second(document["changed"])
    title = f"call {document['call_id']}, {document['status']}, version {document['version']}"
    return f"{title}, begun {begun}, changed {changed} by {document['by']}"


def _rest(document: Document) -> Iterator[str]:
    """Return the lines about what is no session of the call."""
    if document["copies"]:
        yield f"copies: {', '.join(document['copies'])}"
    if document["move"]:
        yield _move(document["move"])


def _move(move: Document) -> str:
    where = f"node {move['node']}" if move["node"] else "a node"
    of_set = f"of set {move['set']}" if move["set"] else "of the set of the branch that is answered"
    engine = f" ({move['engine']})" if move["engine"] else ""
    told = f"move {move['number']}, {move['status']}: to {where} {of_set}{engine}"
    by = f", asked for by {move['asked_by']}" if move["asked_by"] else ""
    return told + by + (f": {move['reason']}" if move["reason"] else "")
