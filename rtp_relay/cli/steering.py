"""`rtp-relay drain`, `undrain`, `enable` and `disable`: what is wanted of a relay node, for all control nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from engines.health import AdminState
from gateways.mi.jsonrpc import Json
from gateways.mi.parameters import MOST
from rtp_relay.cli.deciding import NodeArgument, ReasonOption, decide
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption
from rtp_relay.cli.output import fail, say
from rtp_relay.cli.waiting import Patience, WaitOption, until_empty

DeadlineOption = Annotated[
    str | None,
    typer.Option(
        "--deadline", metavar="TIME", help='Have it empty in this time: seconds, or such as "90s" or "1h30m".'
    ),
]
ToOption = Annotated[str | None, typer.Option("--to", help="The node that its calls go to; else others of the set.")]
ToSetOption = Annotated[str | None, typer.Option("--set", help="The set that its calls go to; else the one they have.")]


def drain(
    node: NodeArgument,
    *,
    deadline: DeadlineOption = None,
    to: ToOption = None,
    to_set: ToSetOption = None,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    config: ConfigOption = None,
) -> None:
    """Have a node get no new calls, and serve those that it has; with --deadline, --to or --set, move these away.

    They are moved without a gap, by a job that any control node carries out: spread over the time up to the deadline,
    or without one as fast as may be. With --wait it ends when the node has no calls left: with 0, or with 5 if there
    are any at the deadline.
    """
    patience = Patience.of(deadline, MOST)
    where: dict[str, Json] = {"new_node": to, "new_set": to_set, "within": patience.whole_seconds}
    decision = decide(config, "drain", f"{node} is draining", node=node, reason=reason or None, **where)
    if decision.job:
        say(f"its calls are moved by job {decision.job}; rtp-relay moves {decision.job} tells how far it is")
    if wait:
        until_empty(config, node, decision, patience)


def undrain(node: NodeArgument, *, reason: ReasonOption = "", config: ConfigOption = None) -> None:
    """Have a node that is draining, or is to leave, get new calls again."""

    async def is_disabled(service: Management) -> bool:
        rows = (await service.call("rtp_relay:nodes"))["decided"]
        return any(row["node"] == node and row["state"] == AdminState.DISABLED for row in rows)

    if manage(config, is_disabled):
        fail(Exit.USAGE, f"node {node} is disabled: rtp-relay enable {node}")
    enable(node, reason=reason, config=config)


def enable(node: NodeArgument, *, reason: ReasonOption = "", config: ConfigOption = None) -> None:
    """Have a node serve calls and get new ones, whatever it was before."""
    decide(config, "state", f"{node} is active", node=node, state=AdminState.ACTIVE, reason=reason)


def disable(node: NodeArgument, *, reason: ReasonOption = "", config: ConfigOption = None) -> None:
    """Have a node be asked for nothing but the removal of what it has. Its calls are not served: drain it first."""
    decide(config, "state", f"{node} is disabled", node=node, state=AdminState.DISABLED, reason=reason)
