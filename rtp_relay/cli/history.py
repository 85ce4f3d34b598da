"""`rtp-relay history`: all that happened to a call's media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from actors.control.documents import Document
from replay.history.timeline import delta, printable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, fail, print_json

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]
SdpOption = Annotated[bool, typer.Option("--sdp", help="Show the session descriptions too, without their keys.")]
SecretsOption = Annotated[bool, typer.Option("--secrets", help="Leave the keys in the session descriptions shown.")]


def history(
    call_id: CallArgument,
    config: ConfigOption = None,
    sdp: SdpOption = False,
    secrets: SecretsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a call's events as a timeline; times are UTC.

    The JSON document always has the session descriptions. Their keys are shown with --secrets only.
    """

    async def read(service: Management) -> Document:
        return await read_history(service, call_id, secrets=secrets)

    document = manage(config, read)
    unreadable = document.pop("unreadable", "")
    if as_json:
        print_json(document)
    else:
        console().print(as_text(document, sdp=sdp or secrets))
    if unreadable:
        fail(Exit.FAILED, f"the history cannot be read further: {unreadable}")


async def read_history(service: Management, call_id: str, *, secrets: bool) -> Document:
    """Return the whole history of a call, which a service gives in parts. Raises MiError."""
    whole: Document = {"call_id": call_id, "events": []}
    last: int | None = None
    while True:
        part: dict[str, Any] = await service.call(
            "rtp_relay:history", callid=call_id, after=last, secrets=secrets or None
        )
        whole["events"] += part["events"]
        last = part.get("last")
        if last is None:
            return whole | {key: part[key] for key in ("unreadable",) if key in part}


def as_text(document: Document, *, sdp: bool) -> Group:
    """Return a history as lines of text; with `sdp`, session descriptions too."""
    made = Table.grid(padding=(0, 2))
    for column in ("time", "delta", "version", "by", "title"):
        made.add_column(column, no_wrap=column != "by", overflow="fold")
    made.add_column("facts", overflow="fold")
    events = document["events"]
    for event in events:
        made.add_row(*_cells(event, sdp=sdp))
    count = f"{len(events)} event{'' if len(events) == 1 else 's'}"
    return Group(cell(f"call {document['call_id']}, {count}"), made)


def _cells(event: Document, *, sdp: bool) -> Sequence[Text]:
    facts = [event["facts"]]
    if sdp:
        bodies = {name: event["data"][name] for name in event["bodies"]}
        facts += [f"{name}:\n{_lines(body)}" for name, body in bodies.items()]
    time = event["at"].rstrip("Z").replace("T", " ")
    place = (time, delta(event["since"]), event["version"], event["by"], event["event"])
    return [*map(cell, place), cell("\n".join(facts))]


def _lines(body: str) -> str:
    return printable(body.replace("\r\n", "\n")).rstrip()
