"""`rtp-relay node ...`: relay nodes added, changed and removed while everything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from engines.registry import EngineName
from gateways.mi.parameters import LARGEST
from gateways.mi.steering import LONGEST
from rtp_relay.cli.deciding import NodeArgument, ReasonOption, decide
from rtp_relay.cli.durations import seconds_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption
from rtp_relay.cli.output import fail
from rtp_relay.cli.waiting import DeadlineOption, Patience, WaitOption, until_empty

node = typer.Typer(
    help="Add, change and remove relay nodes, for all control nodes at once. What is decided here goes before what "
    "configuration files say, until it is reset.",
    no_args_is_help=True,
)

EngineOption = Annotated[EngineName, typer.Option("--engine", help="The kind of relay.")]
UrlOption = Annotated[str, typer.Option("--url", help="Where it takes commands: udp:HOST:PORT or unix:/PATH.")]
WeightOption = Annotated[
    int | None, typer.Option("--weight", min=0, max=LARGEST, help="Its share of the set's new calls; 0 for none.")
]
SetOption = Annotated[str | None, typer.Option("--set", help="The set it belongs to.")]
PriorityOption = Annotated[
    int | None,
    typer.Option(
        "--priority", min=0, max=LARGEST, help="Its tier: used only while no node of a lower number takes calls."
    ),
]
TimeoutOption = Annotated[
    str,
    typer.Option("--timeout", metavar="TIME", help='How long a command to it may take: seconds, or such as "500ms".'),
]
DrainOption = Annotated[bool, typer.Option("--drain", help="Drain it, and remove it when it has no calls left.")]


@node.command()
def add(
    name: NodeArgument,
    *,
    engine: EngineOption,
    url: UrlOption,
    set_: SetOption = None,
    weight: WeightOption = None,
    priority: PriorityOption = None,
    timeout: TimeoutOption = "1.5",
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Add a node beside those of the configuration files."""
    decide(
        config,
        "add",
        f"{name} is added",
        node=name,
        engine=engine,
        url=url,
        set=set_,
        weight=weight,
        priority=priority,
        timeout=seconds_of("--timeout", timeout, above=True, most=LONGEST),
        reason=reason,
    )


@node.command("set")
def change(
    name: NodeArgument,
    *,
    set_: SetOption = None,
    weight: WeightOption = None,
    priority: PriorityOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Give a node another weight, set or priority. No live call moves."""
    if set_ is None and weight is None and priority is None:
        fail(Exit.USAGE, "nothing is to be changed: give it another --weight, --set or --priority")
    share = {"set": set_, "weight": weight, "priority": priority}
    decide(config, "change", f"{name} is changed", node=name, reason=reason, **share)


@node.command()
def remove(
    name: NodeArgument,
    *,
    drain: DrainOption = False,
    wait: WaitOption = False,
    deadline: DeadlineOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Remove a node that has no calls; with --drain, have it removed as soon as it has none."""
    if (wait or deadline is not None) and not drain:
        fail(Exit.USAGE, "--wait and --deadline are for --drain: without it a node is removed at once, or not at all")
    patience = Patience.of(deadline)
    done = f"{name} is to leave" if drain else f"{name} is removed"
    decision = decide(config, "remove", done, node=name, drain=drain, reason=reason)
    if wait or deadline is not None:
        until_empty(config, name, decision, patience)


@node.command()
def reset(name: NodeArgument, *, reason: ReasonOption = "", config: ConfigOption = None) -> None:
    """Take back all that was decided about a node: what the configuration files say of it holds again."""
    decide(config, "reset", f"{name} is reset", node=name, reason=reason)
