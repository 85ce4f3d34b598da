"""`rtp-relay move`: an answered call goes to another relay, or many calls do, by a job of the service."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.control.documents import Document
from engines.set_names import SetNames
from gateways.mi.jsonrpc import Json
from gateways.mi.moves import MoveMethod, as_flags
from gateways.mi.parameters import WrongType
from replay.history.timeline import printable
from rtp_relay.cli.bulk import InFlightOption, RateOption, ReasonOption, WaitOption, begin
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import fail, print_json

CallArgument = Annotated[str | None, typer.Argument(metavar="[CALL-ID]", help="The call's Call-ID.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="Move the calls of this node, by its name or url.")]
SetOption = Annotated[str | None, typer.Option("--set", help="Move the calls of this set, by its name or number.")]
EngineOption = Annotated[str | None, typer.Option("--engine", help="Move the calls on this kind of relay.")]
ToOption = Annotated[str | None, typer.Option("--to", help="The node to go to; else any of the set.")]
ToSetOption = Annotated[str | None, typer.Option("--to-set", help="The set to go to; else the one that a call has.")]
ToEngineOption = Annotated[
    str | None, typer.Option("--to-engine", help="The kind of relay to go to; else the one that a call has.")
]
FlagsOption = Annotated[
    str | None,
    typer.Option("--flags", metavar="JSON", help='New flags of a call, as in \'{"caller": {"type": "SRTP"}}\'.'),
]
MethodOption = Annotated[
    MoveMethod | None,
    typer.Option("--method", case_sensitive=False, help="How the parties of a call are told."),
]


def move(
    call_id: CallArgument = None,
    *,
    node: NodeOption = None,
    from_set: SetOption = None,
    engine: EngineOption = None,
    to: ToOption = None,
    to_set: ToSetOption = None,
    to_engine: ToEngineOption = None,
    flags: FlagsOption = None,
    method: MethodOption = None,
    rate: RateOption = None,
    in_flight: InFlightOption = None,
    wait: WaitOption = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move an answered call to another relay without a gap, or those of a node, a set or an engine.

    Its parties get re-INVITEs. Where nothing is said of where to, a call gets a session anew on a node of its set;
    those of --node go to other nodes. Many calls are moved by a job, which any control node carries out: rtp-relay
    moves tells how far it is.
    """
    filters = {"node": node, "set": from_set, "engine": engine}
    if (call_id is None) is (not any(filters.values())):
        fail(Exit.USAGE, "which calls? Name one by its CALL-ID, or several by --node, --set or --engine")
    if call_id is not None and (rate is not None or in_flight is not None):
        fail(Exit.USAGE, "--rate and --in-flight are for many calls")
    if call_id is not None:
        if flags is not None:
            _check_flags(flags)
        asked = {"node": to, "set": to_set, "engine": to_engine, "flags": flags, "request": method, "reason": reason}
        _move_one(call_id, asked, config, as_json=as_json)
        return
    if flags is not None or method is not None:
        fail(Exit.USAGE, "--flags and --method are for one call")
    elsewhere = True if node and not (to or to_set or to_engine) else None
    places: dict[str, Json] = {"new_node": to, "new_set": to_set, "new_engine": to_engine, "elsewhere": elsewhere}
    pace: dict[str, Json] = {"rate": rate, "in_flight": in_flight, "reason": reason}
    begin(config, "rtp_relay:update", {**filters, **places, **pace}, wait=wait, as_json=as_json)


def _check_flags(text: str) -> None:
    """End where --flags are none."""
    try:
        as_flags(text)
    except WrongType:
        expected = 'a JSON object with "caller", "callee" or both, such as {"caller": {"type": "SRTP"}}'
        fail(Exit.USAGE, f"--flags: expected {expected}, not {text!r}")


def _move_one(call_id: str, asked: Document, config: ConfigOption, *, as_json: bool) -> None:
    async def ask(service: Management) -> Document:
        moved: Document = await service.call("rtp_relay:move", callid=call_id, **asked)
        return moved

    moved = manage(config, ask)
    if as_json:
        print_json(moved)
    elif moved["status"] == "moving":
        fail(Exit.FAILED, f"{call_id!r} is still moving: rtp-relay history tells how that ends")
    else:
        typer.echo(_told(moved, load_or_exit(config).sets.names))


def _told(moved: Document, sets: SetNames) -> str:
    node = f" node {moved['node']}" if moved["node"] else ", a node"
    where = f"{moved['relay']}{node} of set {sets.name(moved['set'])}"
    said = [f"{moved['callid']}: {moved['status']}, to {where}"]
    if not moved["wanted_node_taken"]:
        said.append("the node that was asked for takes no calls")
    if moved.get("left_out"):
        said.append(f"without {', '.join(moved['left_out'])}")
    return printable("; ".join(said))
