"""What an event tells beyond its name, in one line of words."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from functools import singledispatch

from events import registry as e
from events.names import NO_TAG, Tag
from events.verb import Verb
from replay.history import phrases
from replay.history.measured import words_of
from replay.history.phrases import joined


@singledispatch
def facts(event: e.Event) -> str:
    """Describe in one line what an event tells beyond its name.

    A kind of event that has no words of its own below gives its fields, without session descriptions.
    """
    values = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in event.secret}
    return joined(*(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value != ""))


@facts.register
def _(event: e.SessionIntended) -> str:
    node = f"session {event.session} on {event.engine} node {event.node} of set {event.set}"
    return joined(node, f"known there as {event.relay_id}", f"offer {event.operation}", phrases.parties(event))


@facts.register
def _(event: e.SessionAdopted) -> str:
    node = f"session {event.session} found on {event.engine} node {event.node} of set {event.set}"
    dialogs = [
        joined(phrases.tags(Tag(one), Tag(other)), phrases.branch(branch)) for one, other, branch in event.dialogs
    ]
    return joined(node, f"known there as {event.relay_id}", *dialogs)


@facts.register
def _(event: e.OfferIntended) -> str:
    return joined(f"offer {event.operation} in session {event.session}", phrases.parties(event))


@facts.register
def _(event: e.Offered) -> str:
    return joined(f"offer {event.operation} in session {event.session}", phrases.parties(event), phrases.sizes(event))


@facts.register
def _(event: e.OfferFailed) -> str:
    return phrases.failure(Verb.OFFER, event)


@facts.register
def _(event: e.AnswerIntended) -> str:
    return joined(f"answer {event.operation} in session {event.session}", phrases.parties(event))


@facts.register
def _(event: e.Answered) -> str:
    answer = f"answer {event.operation} in " if event.operation else ""
    return joined(f"{answer}session {event.session}", phrases.parties(event), phrases.sizes(event))


@facts.register
def _(event: e.AnswerFailed) -> str:
    return phrases.failure(Verb.ANSWER, event)


@facts.register
def _(event: e.CommandRefused) -> str:
    return joined(event.command, f"node {event.node}" if event.node else "", event.reason)


@facts.register
def _(event: e.PartiesNotReached) -> str:
    return joined(f"session {event.session}, whose node {event.node} is down", event.reason)


@facts.register
def _(event: e.SessionMissing) -> str:
    done = "it is taken out of the call" if event.removed else "left as it is"
    return joined(f"session {event.session}, which node {event.node} does not know", done)


@facts.register
def _(event: e.DeleteIntended) -> str:
    delayed = f"not before {datetime.fromtimestamp(event.not_before / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    return joined(phrases.scope(event), phrases.parties(event), event.reason, delayed if event.not_before else "")


@facts.register
def _(event: e.Deleted) -> str:
    return joined(f"session {event.session}", event.how.value, phrases.totals(event.statistics))


@facts.register
def _(event: e.BranchDeleted) -> str:
    return joined(f"session {event.session}", phrases.parties(event), phrases.totals(event.statistics))


@facts.register
def _(event: e.CommandForwarded) -> str:
    command = f"{event.command} in session {event.session}: {event.result}"
    return joined(command, event.reason, phrases.tags(event.from_tag, event.to_tag), phrases.for_move(event.migration))


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
    return joined(known, " and ".join(what), sessions)


@facts.register
def _(event: e.Quarantined | e.ReleaseIntended) -> str:
    return event.reason


@facts.register
def _(event: e.SessionReleased) -> str:
    return f"{event.relay_id} on {event.node}, {event.how}"


@facts.register
def _(event: e.RelayEngaged) -> str:
    return f"{event.engine}, set {event.set}, for {phrases.branches(event.branch)}"


@facts.register
def _(event: e.LegSettingsChanged) -> str:
    body = "" if event.body is None else f"body of {len(event.body)} bytes"
    return joined(f"{event.leg}, {phrases.branches(event.branch)}", phrases.settings(event.values), body)


@facts.register
def _(event: e.ContextSettingsChanged) -> str:
    return phrases.settings(event.values)


@facts.register
def _(event: e.SipMessageSeen) -> str:
    message = f"{event.status} to {event.method}" if event.status else event.method
    sender = "caller" if event.from_caller else "callee"
    sdp = "without SDP" if event.sdp is None else f"with SDP of {len(event.sdp)} bytes"
    branch = f"branch {event.branch}" if event.branch else ""
    tags = phrases.tags(event.from_tag, event.to_tag)
    return joined(f"{message} from the {sender} {sdp}", f"taken for: {phrases.verdict(event)}", branch, tags)


@facts.register
def _(event: e.BranchEstablished) -> str:
    return joined(f"branch {event.branch}", phrases.tags(NO_TAG, event.to_tag))


@facts.register
def _(event: e.MediaTimedOut) -> str:
    return f"session {event.session}"


@facts.register
def _(event: e.CopyIntended) -> str:
    legs = " and ".join(event.legs) or "both legs"
    streams = f"streams {', '.join(map(str, event.streams))}" if event.streams else "all streams"
    return joined(
        f"{event.copy} of session {event.session}", legs, streams, event.flags, phrases.for_move(event.migration)
    )


@facts.register
def _(event: e.CopyOffered) -> str:
    return joined(event.copy, f"SDP of {len(event.sdp)} bytes", phrases.for_move(event.migration))


@facts.register
def _(event: e.CopyAnswered) -> str:
    return joined(event.copy, f"SDP of {len(event.sdp)} bytes", phrases.for_move(event.migration))


@facts.register
def _(event: e.CopyDeleteIntended) -> str:
    return joined(event.copy, event.reason, phrases.for_move(event.migration))


@facts.register
def _(event: e.CopyMoved) -> str:
    flows = "as its recorder answered last" if event.flows else "when its recorder answers"
    return joined(f"{event.copy} to session {event.session}", f"media flow {flows}", f"SDP of {len(event.sdp)} bytes")


@facts.register
def _(event: e.CopyLeftBehind) -> str:
    return joined(f"{event.copy} in session {event.session}", event.reason)


@facts.register
def _(event: e.CopyDeleted) -> str:
    return joined(event.copy, event.how.value)


@facts.register
def _(event: e.PartyLearned) -> str:
    routes = f"by way of {', '.join(event.routes)}" if event.routes else ""
    contact = f"contact {event.contact}" if event.contact else ""
    seen = f"from {event.source} at {event.local}" if event.source else ""
    return joined(f"{event.leg} {event.uri}", f"tag {event.tag}", contact, routes, seen)


@facts.register
def _(event: e.SipRequestIntended) -> str:
    request = f"request {event.number}: {event.method} to the {event.leg}, CSeq {event.cseq}"
    return joined(request, f"dialog of {event.tag}", event.reason)


@facts.register
def _(event: e.SipRequestEnded) -> str:
    return joined(f"request {event.number}: {event.status or 'no answer'}", event.reason)


@facts.register
def _(event: e.CallVariableSet) -> str:
    return phrases.settings({event.variable: event.value})


@facts.register
def _(event: e.MigrationIntended) -> str:
    node = f"node {event.node} of " if event.node else ""
    left = f"leaves session {event.leaves}" if event.leaves else ""
    avoided = f"for any node but {event.avoid}" if event.avoid and not event.node else ""
    legs = [
        f"{leg}: {phrases.settings(values)}" for leg, values in (("caller", event.caller), ("callee", event.callee))
    ]
    settings = [leg for leg, values in zip(legs, (event.caller, event.callee), strict=True) if values]
    later = "when it is answered" if event.early else "when it is offered something next"
    told = later if event.waits else f"parties are told by {event.method}"
    who = f"asked by {event.asked_by}" if event.asked_by else ""
    open_ = "of the branch that is answered"
    engine = event.engine or f"the engine {open_}"
    set_name = f"set {event.set}" if event.set else f"the set {open_}"
    where = f"to {engine}, {node}{set_name}" if event.engine or event.set else f"to the engine and set {open_}"
    return joined(f"move {event.migration} {where}", avoided, left, told, *settings, who, event.reason)


@facts.register
def _(event: e.MigrationBegun) -> str:
    left = f"leaves session {event.leaves}" if event.leaves else ""
    return joined(f"move {event.migration}: the call is answered, in the dialog of {event.callee_tag}", left)


@facts.register
def _(event: e.LegMoved) -> str:
    answer = f"which answered with another SDP, of {len(event.answer)} bytes" if event.answer else ""
    where = f"move {event.migration}: the {event.leg} is in session {event.session}"
    return joined(where, f"SDP of {len(event.given)} bytes", answer)


@facts.register
def _(event: e.MigrationTurnedBack) -> str:
    return f"move {event.migration}: {event.reason}; both parties are brought back"


@facts.register
def _(event: e.MigrationCompleted) -> str:
    left_out = f"without {', '.join(event.left_out)}" if event.left_out else ""
    return joined(f"move {event.migration}: the call is in session {event.session}", left_out)


@facts.register
def _(event: e.MigrationFailed) -> str:
    return f"move {event.migration}: {event.reason}"
