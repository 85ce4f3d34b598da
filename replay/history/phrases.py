"""Phrases of which the words about an event are made: its parties, settings, sizes and counts."""

from __future__ import annotations

from collections.abc import Mapping

from events import registry as e
from events.names import BranchId, Tag
from events.verb import Verb
from events.verdict import Change


def for_move(migration: int) -> str:
    """Say of which move something is a part; "" for none."""
    return f"for move {migration}" if migration else ""


def settings(values: Mapping[str, str]) -> str:
    """Return settings by their names."""
    return joined(*(f"{name} {value!r}" for name, value in values.items()))


def verdict(event: e.SipMessageSeen) -> str:
    """Say what a SIP message was taken for."""
    found = event.verdict
    if found is None:
        return event.words
    change = "" if found.change is Change.NONE else found.change.value
    return joined(found.role.value, change, found.fault.phrase)


def branches(branch: BranchId) -> str:
    """Say of which branches something is."""
    return f"branch {branch}" if branch else "all branches"


def joined(*parts: str) -> str:
    """Return phrases in a row, without those that are empty."""
    return ", ".join(part for part in parts if part)


def failure(verb: Verb, event: e.OfferFailed | e.AnswerFailed) -> str:
    """Say why an operation failed, and whether the node may have acted on it all the same."""
    reached = "the node may have acted on it" if event.reached else "the node has not acted on it"
    return joined(f"{verb} {event.operation} in session {event.session}", event.reason, reached)


def parties(
    event: e.SessionIntended
    | e.OfferIntended
    | e.Offered
    | e.AnswerIntended
    | e.Answered
    | e.DeleteIntended
    | e.BranchDeleted,
) -> str:
    """Return the tags and the branch that an event has."""
    return joined(tags(event.from_tag, event.to_tag), branch(event.branch))


def branch(name: str) -> str:
    """Say which branch it is; "" for none."""
    return f"branch {name}" if name else ""


def tags(from_tag: Tag, to_tag: Tag) -> str:
    """Return the tags that there are."""
    return joined(f"from-tag {from_tag}" if from_tag else "", f"to-tag {to_tag}" if to_tag else "")


def sizes(event: e.Offered | e.Answered) -> str:
    """Say how long the session descriptions are that came in and went out."""
    return f"SDP of {len(event.sdp)} bytes in, {len(event.relayed)} out"


def scope(event: e.DeleteIntended) -> str:
    """Say what of a call is deleted."""
    numbers = " and ".join(str(number) for number in event.sessions) or "none"
    sessions = f"session{'s' if len(event.sessions) > 1 else ''} {numbers}"
    match event.scope:
        case e.Scope.CALL:
            return f"the whole call ({sessions})"
        case e.Scope.SESSION:
            return sessions
        case e.Scope.BRANCH:
            return f"a branch of {sessions}"


def totals(statistics: Mapping[str, object]) -> str:
    """Return the packets and bytes that an ng reply tells under `totals`; "" where it tells none."""
    totals = statistics.get("totals")
    counts: list[str] = []
    for kind in ("RTP", "RTCP"):
        numbers = totals.get(kind) if isinstance(totals, Mapping) else None
        if isinstance(numbers, Mapping):
            told = [f"{numbers[what]} {what}" for what in ("packets", "bytes", "errors") if what in numbers]
            counts.append(f"{kind} {', '.join(told)}")
    return joined(*counts)
