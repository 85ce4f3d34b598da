"""The flow of every other command of a call (recording, media, DTMF, subscriptions, query): to the call's node."""

from __future__ import annotations

from dataclasses import replace

from actors.adoption import Adoption
from actors.commands.media import PassThrough
from actors.commands.reading import LocateCall
from actors.effects import AskNodes, Decide, Decision, Flow, Locate, Outcome, Persist, Step
from actors.flows.media import sessions
from actors.flows.media.adoption import adopting, decided
from actors.flows.media.copy_decisions import copied_once
from actors.flows.media.offer import Intent, refuse
from actors.flows.media.wording import asked
from actors.results import UNKNOWN, Located, NodeAnswered, Refused, quarantined
from engines.kind import Operation
from engines.refusal import RefusalCode
from engines.request import NodeRequest
from events.names import CallId
from events.registry import CommandForwarded
from events.verb import QUERY, RECORDING, Verb
from replay.folding.sessions import MAY_BRING_OTHERS
from replay.state import CallState, CallStatus, Session

READ_ONLY = frozenset({QUERY})
"""Commands that change nothing, which a monitor may send every second: the journal does not tell of them."""

COPIED = "The node copies or records a stream once at a time, and the call's media are copied: end the copy first"


def pass_through(command: PassThrough, adoption: Adoption | None = None) -> Flow:
    """Pass a command to the call's node, under the call's id there, and journal what was asked and how it ended.

    What may bring others into the session is journalled before it is asked: no delete may leave them behind.
    """
    place = yield from decided(_find(command), command.call_id, adopting(command, adoption))
    if isinstance(place, Refused):
        return place
    request = yield from _with_other_calls(place)
    if isinstance(request, Refused):
        refusal = request
        yield Persist(lambda state: refuse(state, command, refusal))
        return refusal
    if command.verb in MAY_BRING_OTHERS and not (yield Persist(_announce(command, place))):
        return UNKNOWN
    outcome: Outcome = (
        yield AskNodes([(place.node, Operation(verb=command.verb, relay_id=place.relay_id, request=request))])
    )[0]
    if command.verb not in READ_ONLY:
        yield Persist(_conclude(command, place, outcome))
    return NodeAnswered(outcome.agreed) if outcome.agreed else outcome.refused(place.node)


def _find(command: PassThrough) -> Decide:
    def decide(state: CallState) -> Decision:
        if state.status is CallStatus.QUARANTINED:
            return refuse(state, command, quarantined(state.reason))
        session = sessions.of_other(state, command) if state.status is CallStatus.LIVE else None
        if session is None:
            return refuse(state, command, UNKNOWN)
        if command.verb in RECORDING and copied_once(state, session):
            return refuse(state, command, Refused(RefusalCode.REFUSED, COPIED))
        request = asked(state, session, command.request)
        return Decision([], Intent(0, session.engine, session.node, session.relay_id, request))

    return decide


def _announce(command: PassThrough, place: Intent) -> Decide:
    """Journal a command before it is asked. The value is whether its session is still there."""

    def decide(state: CallState) -> Decision:
        session = sessions.at(state, place.node, place.relay_id)
        return Decision([_forwarded(command, session, "asked")] if session.usable else [], session.usable)

    return decide


def _with_other_calls(place: Intent) -> Step[NodeRequest | Refused]:
    """Return the request with the ids that other calls named in it have on this node; refuse if one is elsewhere."""
    ids: dict[str, str] = {}
    for name in place.request.other_calls():
        there: Located | Refused = yield Locate(CallId(name))
        if isinstance(there, Refused):
            return UNKNOWN
        if there.node != place.node:
            why = f"Call {name} is on node {there.node}, this one on {place.node}: they cannot be joined"
            return Refused(RefusalCode.REFUSED, why)
        ids[name] = there.relay_id
    return place.request.with_other_calls(ids)


def where(command: LocateCall, adoption: Adoption | None = None) -> Flow:
    """Come to where this call is, for another one that is to be joined with it."""
    return (yield from decided(_newest, command.call_id, adoption))


def _newest(state: CallState) -> Decision:
    session = next(iter(sessions.newest_first(state)), None)
    return Decision([], Located(session.node, session.relay_id) if session else UNKNOWN)


def _conclude(command: PassThrough, place: Intent, outcome: Outcome) -> Decide:
    def decide(state: CallState) -> Decision:
        session = sessions.at(state, place.node, place.relay_id)
        event = _forwarded(command, session, "ok" if outcome.agreed else "error", outcome.why)
        if command.verb is Verb.START_RECORDING:
            event = replace(event, request=place.request.kept())
        elif command.verb is Verb.SUBSCRIBE_REQUEST and outcome.agreed and outcome.agreed.to_tag:
            event = replace(event, to_tag=outcome.agreed.to_tag)
        return Decision([event])

    return decide


def _forwarded(command: PassThrough, session: Session, result: str, why: str = "") -> CommandForwarded:
    return CommandForwarded(
        command=command.verb,
        session=session.number,
        result=result,
        reason=why,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
    )
