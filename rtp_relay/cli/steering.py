"""`rtp-relay drain`, `undrain`, `enable` and `disable`: what is wanted of a relay node, for all control nodes."""

from __future__ import annotations

from engines.health import AdminState
from rtp_relay.cli.deciding import NodeArgument, ReasonOption, decide
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption
from rtp_relay.cli.output import fail
from rtp_relay.cli.waiting import DeadlineOption, Patience, WaitOption, until_empty


def drain(
    node: NodeArgument,
    *,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    deadline: DeadlineOption = None,
    config: ConfigOption = None,
) -> None:
    """Have a node get no new calls, and serve those that it has.

    With --wait it ends when the node has no calls left: with 0, or with 5 if there are any at the deadline.
    """
    patience = Patience.of(deadline, wait=wait)
    decision = decide(config, "state", f"{node} is draining", node=node, state=AdminState.DRAINING, reason=reason)
    if patience is not None:
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
