"""`rtp-relay reconcile`: whether relays hold what the journal says, and nothing else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from actors.control.known_nodes import no_such_node
from actors.node_table import NodeTable
from events.errors import error_text
from events.journal import JournalMismatch, JournalUnavailable
from gateways.mi.jsonrpc import MiError
from rtp_relay.assembly.errors import StartError, what_ails
from rtp_relay.assembly.nodes import configured_nodes, nodes_beside
from rtp_relay.audit.findings import Findings, Ghost, Ours
from rtp_relay.audit.reconciler import Reconciler
from rtp_relay.cli.durations import seconds_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WideOption
from rtp_relay.cli.management import ServiceMethods
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit, not_empty
from rtp_relay.cli.output import fail, print_json
from rtp_relay.cli.reading import give_way
from rtp_relay.cli.reconcile_report import show
from rtp_relay.config import Config
from rtp_relay.service import open_journal

FixOption = Annotated[
    bool, typer.Option("--fix", help="Delete orphans that are ours, and have the service see to ghosts.")
]
OlderOption = Annotated[
    str,
    typer.Option(
        "--older-than",
        metavar="TIME",
        help='Leave orphans alone that something was said of since: seconds, or such as "90s" or "1h30m".',
    ),
]
PrefixOption = Annotated[
    list[str], typer.Option("--prefix", metavar="TEXT", help="Sessions whose ids begin so are ours. May be repeated.")
]
ListOption = Annotated[
    Path | None,
    typer.Option(
        "--ids", metavar="FILE", exists=True, dir_okay=False, help="Sessions whose ids it has, one a line, are ours."
    ),
]
NodeOption = Annotated[str, typer.Option("--node", callback=not_empty, help="Only this node.")]
RateOption = Annotated[
    float, typer.Option("--rate", min=0, help="Ask for so many sessions a second at most; 0: no bound.")
]

RATE = 100.0


def reconcile(
    *,
    config: ConfigOption = None,
    fix: FixOption = False,
    older_than: OlderOption = "60",
    prefix: PrefixOption = [],  # noqa: B006 - typer makes a new one
    ids: ListOption = None,
    node: NodeOption = "",
    rate: RateOption = RATE,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Ask each relay what it holds, and compare that with the journal.

    Orphans are on a relay and in no call; ghosts are in a call and not on its relay. An orphan counts as ours if the
    journal knew it, or by --prefix and --ids; others are shown, and left to whoever made them. Exit code 1 if something
    of ours is left.
    """
    if not all(prefix):
        fail(Exit.USAGE, "--prefix: an empty one would make all sessions ours")
    age = round(seconds_of("--older-than", older_than) * 1000)
    loaded = load_or_exit(config)
    give_way()
    ours = Ours(tuple(prefix), frozenset(ids.read_text(errors="surrogateescape").splitlines()) if ids else frozenset())
    try:
        findings = asyncio.run(_reconcile(loaded, ours, node, fix=fix, older_than=age, rate=rate))
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal {what_ails(error)}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")
    except StartError as error:
        fail(Exit.UNREACHABLE, str(error))
    display = Display.of(form, as_json=as_json, wide=wide)
    if display.form is Form.JSON:
        print_json({**asdict(findings), "left": findings.left})
    else:
        show(findings, display)
    if findings.left:
        raise typer.Exit(Exit.FAILED)


async def _reconcile(config: Config, ours: Ours, node: str, *, fix: bool, older_than: int, rate: float) -> Findings:
    name = f"{config.service.name} (command line)"
    async with (
        open_journal(config) as journal,
        nodes_beside(journal, configured_nodes(config.nodes), name, _now) as nodes,
    ):
        _check_nodes(nodes, node)
        reconciler = Reconciler(journal, nodes, ours, now=_now, rate=rate, older_than=older_than, fix=fix)
        findings = await reconciler.run(node)
    if fix and findings.ghosts:
        findings.ghosts = await _seen_to(config, findings.ghosts)
    return findings


def _check_nodes(nodes: NodeTable, wanted: str) -> None:
    """End where there is no node to ask, or none of this name: that nothing was found there would be taken for good."""
    specs = [node.spec for node in nodes.all()]
    if not specs:
        fail(
            Exit.USAGE,
            "there is no relay node to ask: the configuration has no [[nodes]], and none was added; the embedded ones, "
            "which end with the service, are not compared",
        )
    if wanted and all(spec.name != wanted for spec in specs):
        fail(Exit.NOT_FOUND, no_such_node(wanted, specs))


async def _seen_to(config: Config, ghosts: list[Ghost]) -> list[Ghost]:
    """Have the service ask the nodes for the sessions of these calls, and conclude what it hears."""
    try:
        service = ServiceMethods(config.local_socket)
    except OSError as error:
        typer.echo(f"rtp-relay: no service answers, which alone can see to ghosts: {error_text(error)}", err=True)
        return ghosts
    seen: list[Ghost] = []
    for ghost in ghosts:
        try:
            await service.call("rtp_relay:probe", callid=ghost.call_id)
        except MiError as error:
            typer.echo(f"rtp-relay: {ghost.call_id}: {error.data or error.message}", err=True)
            seen.append(ghost)
        else:
            seen.append(replace(ghost, fixed=True))
    await service.aclose()
    return seen


def _now() -> int:
    return time.time_ns() // 1_000_000
