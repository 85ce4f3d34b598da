"""`rtp-relay tail`: events of all calls as they are written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Final

import typer

from actors.control.documents import of_history
from events.journal import Journal, JournalUnavailable
from events.values import value
from replay.history.timeline import Moment, timeline
from replay.privacy.numbers import ALL_SHOWN, Numbers
from rtp_relay.cli.following import Follower, Gap, Told
from rtp_relay.cli.options import ConfigOption, load_or_exit
from rtp_relay.cli.output import line, utc
from rtp_relay.cli.reading import AGAIN, read_journal, time_of

SinceOption = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Begin with what was written then: 5m, 2026-05-04T10:30Z.")
]
NodeOption = Annotated[str, typer.Option("--node", help="Only calls that are or were on this node.")]
SetOption = Annotated[str, typer.Option("--set", help="Only calls that are or were on nodes of this set.")]
EventOption = Annotated[str, typer.Option("--event", help="Only events of this name: answered, offer failed.")]
CallOption = Annotated[str, typer.Option("--call", help="Only calls with this in their call-id.")]
ControlOption = Annotated[str, typer.Option("--control-node", help="Only what this control node wrote.")]
LinesOption = Annotated[bool, typer.Option("--json", help="Write each event as a JSON document, one a line.")]

LOOK: Final = 0.5
"""Seconds between two looks."""

_WIDTHS: Final = (24, 32, 4, 24, 0)


@value(kw_only=True)
class Filter:
    """Which events are wanted: those that have all that is given; "" leaves it open."""

    node: str = ""
    set: str = ""
    event: str = ""
    call: str = ""
    by: str = ""

    def takes(self, told: Told) -> bool:
        """Return whether an event, or one of those that an entry has become, is wanted."""
        return (
            self.node in ("", *told.nodes)
            and self.set in ("", *told.sets)
            and self.by in ("", told.entry.by)
            and self.event in ("", *(event.name for event in told.entry.events))
            and self.call.casefold() in told.call_id.casefold()
        )


def tail(
    *,
    config: ConfigOption = None,
    since: SinceOption = "0s",
    node: NodeOption = "",
    set_: SetOption = "",
    event: EventOption = "",
    call: CallOption = "",
    control_node: ControlOption = "",
    as_json: LinesOption = False,
) -> None:
    """Tell what happens to all calls, event by event, until interrupted.

    While the journal is away it waits, and then goes on with the first event that was not told; what it has removed by
    then is told of as a gap. Session descriptions are left out of lines, and without their keys in JSON.
    """
    wanted = Filter(node=node, set=set_, event=event, call=call, by=control_node)

    async def follow(journal: Journal) -> None:
        begun = time_of("--since", since, round(await journal.time()))
        loaded = load_or_exit(config)
        kept = loaded.journal.kept.shortest
        await tell(journal, begun, wanted, loaded.privacy.shown, kept=kept, as_json=as_json)

    with suppress(KeyboardInterrupt):
        read_journal(config, follow)


async def tell(
    journal: Journal, begun: int, wanted: Filter, numbers: Numbers = ALL_SHOWN, *, kept: int = 0, as_json: bool
) -> None:
    """Tell of events that are wanted, and of gaps, for ever. kept: for how many ms ended calls are kept at least."""
    follower = Follower(journal, begun, gap=lambda gap: typer.echo(_gap(gap, as_json=as_json)), kept=kept)
    words: Callable[[Told], list[str]] = _documents if as_json else _lines
    away = False
    while True:
        try:
            async for told in follower.look():
                if wanted.takes(told):
                    for said in words(replace(told, entry=numbers.entry(told.entry))):
                        typer.echo(said)
        except JournalUnavailable as error:
            if not away:
                typer.echo(f"rtp-relay: the journal cannot be reached, it is tried again: {error}", err=True)
            away = True
            await asyncio.sleep(AGAIN)
        else:
            away = False
            await asyncio.sleep(LOOK)


def _documents(told: Told) -> list[str]:
    """Return the documents of an entry; none says when it was since the call's first event, which is not known here."""
    documents = of_history([told.entry], secrets=False)
    without = [{name: said for name, said in one.items() if name != "since"} for one in documents]
    return [json.dumps({"call_id": told.call_id, **one}) for one in without]


def _lines(told: Told) -> list[str]:
    return [_line(told, moment) for moment in timeline([told.entry])]


def _gap(gap: Gap, *, as_json: bool) -> str:
    """Return the line that says what is not told: of a call after a version, or of all that ended in a time."""
    if as_json and gap.call_id:
        return json.dumps({"gap": gap.why, "call_id": gap.call_id, "after": gap.after})
    if as_json:
        return json.dumps({"gap": gap.why, "since": gap.since, "until": gap.until})
    if gap.call_id:
        return line(("", gap.call_id, f">{gap.after}", "gap", gap.why), _WIDTHS)
    return line((utc(gap.since), "", "", "gap", f"up to {utc(gap.until)}: {gap.why}"), _WIDTHS)


def _line(told: Told, moment: Moment) -> str:
    at = f"{moment.day} {moment.time_of_day}"
    return line((at, told.call_id, str(moment.version), moment.title, moment.facts), _WIDTHS)
