"""`rtp-relay forget`: ended calls are removed from the journal, by call-id or by who called."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.control.forgetting import Forgetting
from events.ended import EndedCall
from events.journal import BRIEFLY, Forgotten, Journal
from events.names import CallId
from replay.history.timeline import printable
from replay.search import has_party
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import user
from rtp_relay.cli.options import ConfigOption, short
from rtp_relay.cli.output import fail, say
from rtp_relay.cli.reading import LATE, ended_calls, read_journal

CallArgument = Annotated[str, typer.Argument(metavar="[CALL-ID]", help="The call's Call-ID.")]
CallerOption = Annotated[str, typer.Option("--caller", metavar="URI", help="All ended calls that this URI made.")]
PartyOption = Annotated[
    str, typer.Option("--party", metavar="URI", help="All ended calls that this URI made or was called in.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", callback=short, help="Why, in a few words without personal data.")
]
TryOption = Annotated[bool, typer.Option("--dry-run", help="Only name the calls that would be removed.")]

TOGETHER = 200
"""So many calls are journalled as one decision and then removed."""

_WHOLE = "is compared whole, with its user, its host, and its port where the calls have one"

_KEPT = {
    Forgotten.LIVE: "is live: end it first, and forget it when ten minutes have passed",
    Forgotten.RECENT: "ended less than ten minutes ago: late messages of it may come; forget it then",
}


def forget(
    call_id: CallArgument = "",
    *,
    config: ConfigOption = None,
    caller: CallerOption = "",
    party: PartyOption = "",
    reason: ReasonOption = "",
    dry_run: TryOption = False,
) -> None:
    """Remove ended calls from the journal for good: all events, what searches find, what statistics count.

    Live calls, and those that ended less than ten minutes ago, are kept, and named. That it was asked for is
    journalled, with who and why, and without a word of the calls. Archives are files of yours, and left alone. A URI is
    compared whole; where no ended call has it, the command ends with 3.
    """
    if sum(map(bool, (call_id, caller, party))) != 1:
        fail(Exit.USAGE, "expected a CALL-ID, --caller URI or --party URI: one of them")

    async def work(journal: Journal) -> list[tuple[CallId, Forgotten]]:
        calls = [CallId(call_id)] if call_id else await _of_party(journal, caller or party, only_caller=bool(caller))
        if dry_run:
            return [(call, await _would_be(journal, call)) for call in calls]
        forgetting = Forgetting(journal, asked_by=f"{user()} (command line)", reason=reason, by_party=not call_id)
        done: list[tuple[CallId, Forgotten]] = []
        for first in range(0, len(calls), TOGETHER):
            done += await forgetting.forget(calls[first : first + TOGETHER])
        return done

    done = read_journal(config, work)
    if not done:
        whose = "caller" if caller else "party"
        fail(Exit.NOT_FOUND, f"no ended call has {caller or party!r} as its {whose}: the URI {_WHOLE}")
    _tell(done, dry_run=dry_run)


async def _of_party(journal: Journal, uri: str, *, only_caller: bool) -> list[CallId]:
    def takes(call: EndedCall) -> bool:
        return has_party(call.caller, uri) or (not only_caller and has_party(call.callee, uri))

    until = round(await journal.time()) + LATE
    return [call.call_id async for call in ended_calls(journal, 0, until) if takes(call)]


async def _would_be(journal: Journal, call: CallId) -> Forgotten:
    """Return what would become of a call."""
    stored, now = await journal.stored(call), await journal.time()
    ended = stored.index.ended
    if stored.index.live is not None:
        return Forgotten.LIVE
    if ended is None:
        return Forgotten.DONE if stored.version else Forgotten.UNKNOWN
    return Forgotten.RECENT if ended.ended > now - BRIEFLY * 1000 else Forgotten.DONE


def _tell(calls: list[tuple[CallId, Forgotten]], *, dry_run: bool) -> None:
    for call, what in calls:
        if what is Forgotten.DONE and dry_run:
            say(f"{call}: would be removed")
        elif what in _KEPT:
            typer.echo(f"rtp-relay: call {printable(call)} {_KEPT[what]}", err=True)
    outcomes = [what for _, what in calls]
    if outcomes == [Forgotten.UNKNOWN]:
        fail(Exit.NOT_FOUND, f"no call is known under {calls[0][0]!r}")
    removed = outcomes.count(Forgotten.DONE)
    say(f"{removed} call{'' if removed == 1 else 's'} {'would be ' if dry_run else ''}removed")
    if any(what in _KEPT for what in outcomes):
        raise typer.Exit(Exit.FAILED)
