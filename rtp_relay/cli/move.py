"""`rtp-relay move`: an answered call goes to another relay."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.control.documents import Document
from replay.history.timeline import printable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import fail, print_json

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="The node, by its name or url; else any of the set.")]
SetOption = Annotated[str | None, typer.Option("--set", help="The set, by its name or number; else the one it has.")]
EngineOption = Annotated[str | None, typer.Option("--engine", help="The kind of relay; else the one that it has.")]
FlagsOption = Annotated[
    str | None, typer.Option("--flags", metavar="JSON", help='New flags, as in \'{"caller": {"type": "SRTP"}}\'.')
]
MethodOption = Annotated[str | None, typer.Option("--method", help="INVITE or UPDATE: how the parties are told.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, for the call's history.")]


def move(
    call_id: CallArgument,
    *,
    node: NodeOption = None,
    to_set: SetOption = None,
    engine: EngineOption = None,
    flags: FlagsOption = None,
    method: MethodOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move an answered call to another relay without a gap; its parties get re-INVITEs. Needs a service that runs here.

    Without a node, set or engine it gets a session anew on a node of its set.
    """

    async def ask(service: Management) -> Document:
        names = {"node": node, "set": to_set, "engine": engine, "flags": flags, "request": method, "reason": reason}
        moved: Document = await service.call("rtp_relay:move", callid=call_id, **names)
        return moved

    moved = manage(config, ask)
    if as_json:
        print_json(moved)
    elif moved["status"] == "moving":
        fail(Exit.FAILED, f"{call_id!r} is still moving: rtp-relay history tells how that ends")
    else:
        typer.echo(_told(moved))


def _told(moved: Document) -> str:
    where = f"{moved['relay']} node {moved['node']} of set {moved['set']}"
    said = [f"{moved['callid']}: {moved['status']}, to {where}"]
    if not moved["wanted_node_taken"]:
        said.append("the node that was asked for takes no calls")
    if moved.get("left_out"):
        said.append(f"without {', '.join(moved['left_out'])}")
    return printable("; ".join(said))
