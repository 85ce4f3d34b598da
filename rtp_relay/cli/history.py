"""`rtp-relay history`: all that happened to a call's media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from actors.control.control import Control
from events.journal import CorruptEntry, Recorded
from events.names import CallId
from events.registry import Event
from replay.history.timeline import Moment, bodies, timeline
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, fail, iso, print_json
from rtp_relay.cli.reading import read_control

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

    async def read(control: Control) -> list[Recorded]:
        return await control.history(CallId(call_id))

    unreadable: CorruptEntry | None = None
    try:
        events = read_control(config, read)
    except CorruptEntry as error:
        unreadable, events = error, list(error.before)
    if not events and unreadable is None:
        fail(Exit.NOT_FOUND, f"call {call_id!r} is not known")
    if as_json:
        print_json(as_document(CallId(call_id), events, secrets=secrets))
    else:
        console().print(as_text(CallId(call_id), events, sdp=sdp or secrets, secrets=secrets))
    if unreadable is not None:
        fail(Exit.FAILED, f"the history cannot be read further: {unreadable}")


def as_document(call_id: CallId, events: Sequence[Recorded], *, secrets: bool) -> dict[str, object]:
    """Return a history as a JSON document; with `secrets`, session descriptions keep their keys."""
    return {"call_id": call_id, "events": [row for entry in events for row in _as_rows(entry, secrets=secrets)]}


def _as_rows(entry: Recorded, *, secrets: bool) -> list[dict[str, object]]:
    return [_as_row(entry, event, secrets=secrets) for event in entry.events]


def _as_row(entry: Recorded, event: Event, *, secrets: bool) -> dict[str, object]:
    place = {"version": entry.version, "at": iso(entry.at), "by": entry.by, "event": event.name, "schema": event.schema}
    values = {field.name: getattr(event, field.name) for field in fields(event)} | bodies(event, secrets=secrets)
    return place | {"data": {name: _plain(value) for name, value in values.items()}}


def _plain(value: object) -> object:
    """Return a value as JSON knows it."""
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def as_text(call_id: CallId, events: Sequence[Recorded], *, sdp: bool, secrets: bool) -> Group:
    """Return a history as lines of text; with `sdp`, session descriptions too, and with `secrets` their keys."""
    made = Table.grid(padding=(0, 2))
    for column in ("time", "delta", "version", "by", "title"):
        made.add_column(column, no_wrap=column != "by", overflow="fold")
    made.add_column("facts", overflow="fold")
    for moment in timeline(events, secrets=secrets):
        made.add_row(*_cells(moment, sdp=sdp))
    count = f"{len(events)} event{'' if len(events) == 1 else 's'}"
    return Group(cell(f"call {call_id}, {count}"), made)


def _cells(moment: Moment, *, sdp: bool) -> list[Text]:
    facts = [moment.facts]
    if sdp:
        facts += [f"{name}:\n{body.rstrip()}" for name, body in moment.bodies.items()]
    place = (moment.time, moment.delta, moment.version, moment.by, moment.title)
    return [*map(cell, place), cell("\n".join(facts))]
