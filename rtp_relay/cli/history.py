"""`rtp-relay history`: all that happened to a call's media."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from actors.control.documents import of_call, of_history
from events.names import CallId
from replay.fold import Inconsistent
from replay.history import ladder_text, timeline_text
from replay.history.ladder import ladder
from replay.history.ladder_svg import svg_of
from replay.history.past import Difference, NotThen, differences, state_after, state_at
from replay.history.timeline import timeline
from replay.state import CallState
from rtp_relay.cli.call import show
from rtp_relay.cli.entries import CallEntries, archived_entries, read_entries
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.columns import Column, Columns
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import fail, paper_width, print_json, print_lines, say
from rtp_relay.cli.reading import ArchiveOption

DAY = 86_400_000
"""Milliseconds of a day, which begin with that of the epoch."""

VERSION_DIGITS = 9
"""A text of so many digits is a version at most; what is longer is no call's."""

CallArgument = Annotated[str, typer.Argument(metavar="CALL-ID", help="The call's Call-ID.")]
SdpOption = Annotated[bool, typer.Option("--sdp", help="Show the session descriptions too, without their keys.")]
SecretsOption = Annotated[bool, typer.Option("--secrets", help="Leave the keys in the session descriptions shown.")]
LadderOption = Annotated[bool, typer.Option("--ladder", help="Draw who said what to whom.")]
SvgOption = Annotated[
    Path | None, typer.Option("--svg", metavar="FILE", help="Write the ladder as an SVG picture into a file.")
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="VERSION|TIME", help="Show the call as it was: 7, 2026-05-04T10:30:00.250Z or 10:30:00 (UTC)."
    ),
]
DiffOption = Annotated[
    tuple[int, int] | None, typer.Option("--diff", metavar="V1 V2", help="Show what differs between two versions.")
]


def history(
    call_id: CallArgument,
    *,
    config: ConfigOption = None,
    draw: LadderOption = False,
    svg: SvgOption = None,
    at: AtOption = None,
    diff: DiffOption = None,
    archive: ArchiveOption = None,
    sdp: SdpOption = False,
    secrets: SecretsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a call's events as a timeline; times are UTC.

    The JSON document always has the session descriptions. Their keys are shown with --secrets only.
    """
    drawn = draw or svg is not None
    _choose_one(drawn=drawn, other_views=(at is not None) + (diff is not None), as_json=as_json)

    async def read(service: Management) -> CallEntries:
        return await read_entries(service, call_id, secrets=secrets)

    if archive is None:
        call = manage(config, read)
    else:
        call = archived_entries(archive, call_id, load_or_exit(config).privacy.shown, secrets=secrets)
    try:
        if at is not None:
            _show_state(_state(call, at), as_json=as_json)
        elif diff is not None:
            _show_differences(call, *diff, as_json=as_json)
        elif drawn:
            _draw(call, svg, on_paper=draw)
        else:
            _show_timeline(call, sdp=sdp or secrets, as_json=as_json)
    except NotThen as error:
        fail(Exit.NOT_FOUND, f"call {call_id!r}: {error}")
    except Inconsistent as error:
        fail(Exit.FAILED, f"call {call_id!r}, version {error.version}: {error}")
    if call.unreadable:
        fail(Exit.FAILED, f"the history cannot be read whole: {call.unreadable}")


def _choose_one(*, drawn: bool, other_views: int, as_json: bool) -> None:
    """End if several views are asked for, of which one alone can be shown."""
    if drawn + other_views > 1:
        fail(Exit.USAGE, "--ladder or --svg, --at and --diff are different views: choose one")
    if drawn and as_json:
        fail(Exit.USAGE, "--ladder and --svg draw the call, --json writes it as a document: choose one")


def _show_timeline(call: CallEntries, *, sdp: bool, as_json: bool) -> None:
    if as_json:
        print_json({"call_id": call.call_id, "events": of_history(call.entries, secrets=True)})
        return
    moments = list(timeline(call.entries, secrets=True))
    print_lines(timeline_text.text_of(call.call_id, moments, paper_width(), bodies=sdp))


def _draw(call: CallEntries, svg: Path | None, *, on_paper: bool) -> None:
    drawn = ladder(call.entries)
    if svg is not None:
        svg.write_text(svg_of(drawn, f"call {call.call_id}"), encoding="utf-8")
        say(f"written: {svg}")
    if on_paper:
        print_lines(ladder_text.text_of(drawn, paper_width()))


def _state(call: CallEntries, at: str) -> CallState:
    call_id = CallId(call.call_id)
    if at.isascii() and at.isdecimal() and len(at) <= VERSION_DIGITS:
        return state_after(call_id, call.entries, int(at))
    try:
        return state_at(call_id, call.entries, _time(at, call))
    except NotThen:
        raise
    except ValueError:
        fail(Exit.USAGE, f"--at {at}: expected a version or a time such as 2026-05-04T10:30:00Z or 10:30:00.250")


def _time(text: str, call: CallEntries) -> int:
    """Return a time as ms since the epoch; one without a day is on the day on which the call has it."""
    if "T" not in text and " " not in text and call.entries:
        return _on_its_day(_since_epoch(f"1970-01-01T{text}") % DAY, [entry.at for entry in call.entries])
    return _since_epoch(text)


def _since_epoch(text: str) -> int:
    then = datetime.fromisoformat(text)
    return round((then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() * 1000)


def _on_its_day(time: int, events: Sequence[int]) -> int:
    """Return a time of day (in ms) as ms since the epoch: the first that the call has, with an event where one is then.

    events: the times of all of them. A time that the call does not have is on the day on which it began.
    """
    begun, ended = events[0], events[-1]
    then = begun - begun % DAY + time
    if then < begun and then + DAY <= ended:
        then += DAY
    return next((at for at in events if at % DAY == time), then)


def _show_state(state: CallState, *, as_json: bool) -> None:
    show(of_call(state), Display.of(as_json=as_json))


def _show_differences(call: CallEntries, one: int, other: int, *, as_json: bool) -> None:
    call_id = CallId(call.call_id)
    before, after = (state_after(call_id, call.entries, version) for version in (one, other))
    found = differences(before, after)
    if as_json:
        print_json([{"part": part.part, "before": part.before, "after": part.after} for part in found])
        return
    columns: Columns[Difference] = (
        Column(name="part", of=lambda part: part.part, rank=0, least=24),
        Column(name=f"version {one}", of=lambda part: part.before),
        Column(name=f"version {other}", of=lambda part: part.after),
    )
    print_tables([Table(f"call {call.call_id}", columns, found)], Display.of(wide=True))
