"""What an event tells beyond its name, in one line of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import singledispatch

from events import registry as e
from events.names import NO_TAG, BranchId, Tag
from events.verb import Verb
from events.verdict import Change
from replay.history.measured import words_of


@singledispatch
def facts(event: e.Event) -> str:
    """Describe in one line what an event tells beyond its name.

    A kind of event that has no words of its own below gives its fields, without session descriptions.
    """
    values = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in event.secret}
    return _joined(*(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value != ""))


@facts.register
def _(event: e.SessionIntended) -> str:
    node = f"session {event.session} on {event.engine} node {event.node} of set {event.set}"
    return _joined(node, f"known there as {event.relay_id}", f"offer {event.operation}", _parties(event))


@facts.register
def _(event: e.SessionAdopted) -> str:
    node = f"session {event.session} found on {event.engine} node {event.node} of set {event.set}"
    dialogs = [_joined(_tags(Tag(one), Tag(other)), _branch(branch)) for one, other, branch in event.dialogs]
    return _joined(node, f"known there as {event.relay_id}", *dialogs)


@facts.register
def _(event: e.OfferIntended) -> str:
    return _joined(f"offer {event.operation} in session {event.session}", _parties(event))


@facts.register
def _(event: e.Offered) -> str:
    return _joined(f"offer {event.operation} in session {event.session}", _parties(event), _sizes(event))


@facts.register
def _(event: e.OfferFailed) -> str:
    return _failure(Verb.OFFER, event)


@facts.register
def _(event: e.AnswerIntended) -> str:
    return _joined(f"answer {event.operation} in session {event.session}", _parties(event))


@facts.register
def _(event: e.Answered) -> str:
    answer = f"answer {event.operation} in " if event.operation else ""
    return _joined(f"{answer}session {event.session}", _parties(event), _sizes(event))


@facts.register
def _(event: e.AnswerFailed) -> str:
    return _failure(Verb.ANSWER, event)


@facts.register
def _(event: e.CommandRefused) -> str:
    return _joined(event.command, f"node {event.node}" if event.node else "", event.reason)


@facts.register
def _(event: e.PartiesNotReached) -> str:
    return _joined(f"session {event.session}, whose node {event.node} is down", event.reason)


@facts.register
def _(event: e.SessionMissing) -> str:
    done = "it is taken out of the call" if event.removed else "left as it is"
    return _joined(f"session {event.session}, which node {event.node} does not know", done)


@facts.register
def _(event: e.DeleteIntended) -> str:
    delayed = f"not before {datetime.fromtimestamp(event.not_before / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    return _joined(_scope(event), _parties(event), event.reason, delayed if event.not_before else "")


@facts.register
def _(event: e.Deleted) -> str:
    return _joined(f"session {event.session}", event.how.value, _totals(event.statistics))


@facts.register
def _(event: e.BranchDeleted) -> str:
    return _joined(f"session {event.session}", _parties(event), _totals(event.statistics))


@facts.register
def _(event: e.CommandForwarded) -> str:
    command = f"{event.command} in session {event.session}: {event.result}"
    return _joined(command, event.reason, _tags(event.from_tag, event.to_tag), _for_move(event.migration))


@facts.register
def _(event: e.MediaSeen) -> str:
    return f"session {event.session} has media: its answer was lost"


@facts.register
def _(event: e.MediaMeasured) -> str:
    return words_of(event)


@facts.register
def _(event: e.TailLost) -> str:
    known = f"versions up to {event.known} had been known"
    if not event.sessions and not event.answered and not event.ended:
        return f"{known}, and stand before this again"
    what = [word for word, said in (("answered", event.answered), ("ended", event.ended)) if said]
    sessions = ", ".join(f"session {one.session} on {one.node} {one.status}" for one in event.sessions)
    return _joined(known, " and ".join(what), sessions)


@facts.register
def _(event: e.Quarantined | e.ReleaseIntended) -> str:
    return event.reason


@facts.register
def _(event: e.SessionReleased) -> str:
    return f"{event.relay_id} on {event.node}, {event.how}"


@facts.register
def _(event: e.RelayEngaged) -> str:
    return f"{event.engine}, set {event.set}, for {_branches(event.branch)}"


@facts.register
def _(event: e.LegSettingsChanged) -> str:
    body = "" if event.body is None else f"body of {len(event.body)} bytes"
    return _joined(f"{event.leg}, {_branches(event.branch)}", _settings(event.values), body)


@facts.register
def _(event: e.ContextSettingsChanged) -> str:
    return _settings(event.values)


@facts.register
def _(event: e.SipMessageSeen) -> str:
    message = f"{event.status} to {event.method}" if event.status else event.method
    sender = "caller" if event.from_caller else "callee"
    sdp = "without SDP" if event.sdp is None else f"with SDP of {len(event.sdp)} bytes"
    branch = f"branch {event.branch}" if event.branch else ""
    tags = _tags(event.from_tag, event.to_tag)
    return _joined(f"{message} from the {sender} {sdp}", f"taken for: {_verdict(event)}", branch, tags)


@facts.register
def _(event: e.BranchEstablished) -> str:
    return _joined(f"branch {event.branch}", _tags(NO_TAG, event.to_tag))


@facts.register
def _(event: e.MediaTimedOut) -> str:
    return f"session {event.session}"


@facts.register
def _(event: e.CopyIntended) -> str:
    legs = " and ".join(event.legs) or "both legs"
    streams = f"streams {', '.join(map(str, event.streams))}" if event.streams else "all streams"
    return _joined(f"{event.copy} of session {event.session}", legs, streams, event.flags, _for_move(event.migration))


@facts.register
def _(event: e.CopyOffered) -> str:
    return _joined(event.copy, f"SDP of {len(event.sdp)} bytes", _for_move(event.migration))


@facts.register
def _(event: e.CopyAnswered) -> str:
    return _joined(event.copy, f"SDP of {len(event.sdp)} bytes", _for_move(event.migration))


@facts.register
def _(event: e.CopyDeleteIntended) -> str:
    return _joined(event.copy, event.reason, _for_move(event.migration))


@facts.register
def _(event: e.CopyMoved) -> str:
    flows = "as its recorder answered last" if event.flows else "when its recorder answers"
    return _joined(f"{event.copy} to session {event.session}", f"media flow {flows}", f"SDP of {len(event.sdp)} bytes")


@facts.register
def _(event: e.CopyLeftBehind) -> str:
    return _joined(f"{event.copy} in session {event.session}", event.reason)


@facts.register
def _(event: e.CopyDeleted) -> str:
    return _joined(event.copy, event.how.value)


@facts.register
def _(event: e.PartyLearned) -> str:
    routes = f"by way of {', '.join(event.routes)}" if event.routes else ""
    contact = f"contact {event.contact}" if event.contact else ""
    seen = f"from {event.source} at {event.local}" if event.source else ""
    return _joined(f"{event.leg} {event.uri}", f"tag {event.tag}", contact, routes, seen)


@facts.register
def _(event: e.SipRequestIntended) -> str:
    request = f"request {event.number}: {event.method} to the {event.leg}, CSeq {event.cseq}"
    return _joined(request, f"dialog of {event.tag}", event.reason)


@facts.register
def _(event: e.SipRequestEnded) -> str:
    return _joined(f"request {event.number}: {event.status or 'no answer'}", event.reason)


@facts.register
def _(event: e.CallVariableSet) -> str:
    return _settings({event.variable: event.value})


@facts.register
def _(event: e.MigrationIntended) -> str:
    node = f"node {event.node} of " if event.node else ""
    left = f"leaves session {event.leaves}" if event.leaves else ""
    avoided = f"for any node but {event.avoid}" if event.avoid and not event.node else ""
    legs = [f"{leg}: {_settings(values)}" for leg, values in (("caller", event.caller), ("callee", event.callee))]
    settings = [leg for leg, values in zip(legs, (event.caller, event.callee), strict=True) if values]
    later = "when it is answered" if event.early else "when it is offered something next"
    told = later if event.waits else f"parties are told by {event.method}"
    who = f"asked by {event.asked_by}" if event.asked_by else ""
    where = f"to {event.engine}, {node}set {event.set}"
    return _joined(f"move {event.migration} {where}", avoided, left, told, *settings, who, event.reason)


@facts.register
def _(event: e.MigrationBegun) -> str:
    left = f"leaves session {event.leaves}" if event.leaves else ""
    return _joined(f"move {event.migration}: the call is answered, in the dialog of {event.callee_tag}", left)


@facts.register
def _(event: e.LegMoved) -> str:
    answer = f"which answered with another SDP, of {len(event.answer)} bytes" if event.answer else ""
    where = f"move {event.migration}: the {event.leg} is in session {event.session}"
    return _joined(where, f"SDP of {len(event.given)} bytes", answer)


@facts.register
def _(event: e.MigrationTurnedBack) -> str:
    return f"move {event.migration}: {event.reason}; both parties are brought back"


@facts.register
def _(event: e.MigrationCompleted) -> str:
    left_out = f"without {', '.join(event.left_out)}" if event.left_out else ""
    return _joined(f"move {event.migration}: the call is in session {event.session}", left_out)


@facts.register
def _(event: e.MigrationFailed) -> str:
    return f"move {event.migration}: {event.reason}"


def _for_move(migration: int) -> str:
    return f"for move {migration}" if migration else ""


def _settings(values: Mapping[str, str]) -> str:
    return _joined(*(f"{name} {value!r}" for name, value in values.items()))


def _verdict(event: e.SipMessageSeen) -> str:
    verdict = event.verdict
    if verdict is None:
        return event.words
    change = "" if verdict.change is Change.NONE else verdict.change.value
    return _joined(verdict.role.value, change, verdict.fault.phrase)


def _branches(branch: BranchId) -> str:
    return f"branch {branch}" if branch else "all branches"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _failure(verb: Verb, event: e.OfferFailed | e.AnswerFailed) -> str:
    reached = "the node may have acted on it" if event.reached else "the node has not acted on it"
    return _joined(f"{verb} {event.operation} in session {event.session}", event.reason, reached)


def _parties(
    event: e.SessionIntended
    | e.OfferIntended
    | e.Offered
    | e.AnswerIntended
    | e.Answered
    | e.DeleteIntended
    | e.BranchDeleted,
) -> str:
    return _joined(_tags(event.from_tag, event.to_tag), _branch(event.branch))


def _branch(branch: str) -> str:
    return f"branch {branch}" if branch else ""


def _tags(from_tag: Tag, to_tag: Tag) -> str:
    return _joined(f"from-tag {from_tag}" if from_tag else "", f"to-tag {to_tag}" if to_tag else "")


def _sizes(event: e.Offered | e.Answered) -> str:
    return f"SDP of {len(event.sdp)} bytes in, {len(event.relayed)} out"


def _scope(event: e.DeleteIntended) -> str:
    numbers = " and ".join(str(number) for number in event.sessions) or "none"
    sessions = f"session{'s' if len(event.sessions) > 1 else ''} {numbers}"
    match event.scope:
        case e.Scope.CALL:
            return f"the whole call ({sessions})"
        case e.Scope.SESSION:
            return sessions
        case e.Scope.BRANCH:
            return f"a branch of {sessions}"


def _totals(statistics: Mapping[str, object]) -> str:
    """Return the packets and bytes that an ng reply tells under `totals`; "" where it tells none."""
    totals = statistics.get("totals")
    counts: list[str] = []
    for kind in ("RTP", "RTCP"):
        numbers = totals.get(kind) if isinstance(totals, Mapping) else None
        if isinstance(numbers, Mapping):
            told = [f"{numbers[what]} {what}" for what in ("packets", "bytes", "errors") if what in numbers]
            counts.append(f"{kind} {', '.join(told)}")
    return _joined(*counts)
