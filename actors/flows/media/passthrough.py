"""The flow of every other command of a call (recording, media, DTMF, subscriptions, query): to the call's node."""

from __future__ import annotations

from actors import replies
from actors.command import Command
from actors.effects import AskNodes, Decide, Decision, Flow, Locate, Outcome, Persist, Read, Step
from actors.flows.media import sessions
from actors.flows.media.copies import copied_once
from actors.flows.media.node_request import asked
from actors.flows.media.offer import Intent, failure_reply, refuse
from engines.kind import Operation, is_ok
from engines.kind import reason as reason_of
from engines.media_request import to_bytes
from engines.ng.bencode import NgDict, NgValue
from events.registry import CommandForwarded
from replay.state import CallState, CallStatus

OTHER_CALL_KEYS = (b"to-call-id", b"source-call-id")
"""Keys of commands that join two calls, which then have to be on one node (ng protocol: connect, inject, mesh)."""

READ_ONLY = frozenset({"query"})
"""Commands that change nothing, which a monitor may send every second: the journal does not tell of them."""

NODE, RELAY_ID = b"node", b"relay-id"
"""Keys of the reply that says where a call is."""

RECORDING = frozenset({"start recording", "stop recording"})
COPIED = "The node copies or records a stream once at a time, and the call's media are copied: end the copy first"


def other(command: Command) -> Flow:
    """Pass a command to the call's node, under the call's id there, and journal what was asked and how it ended."""
    place = yield Persist(_find(command))
    if isinstance(place, replies.Refusal):
        return place.reply
    request = yield from _with_other_calls(place)
    if isinstance(request, replies.Refusal):
        refusal = request
        yield Persist(lambda state: refuse(state, command, refusal))
        return refusal.reply
    outcome: Outcome = (
        yield AskNodes([(place.node, Operation(verb=command.verb, relay_id=place.relay_id, request=request))])
    )[0]
    if command.verb not in READ_ONLY:
        yield Persist(_conclude(command, place, outcome))
    if outcome.reply is None:
        return failure_reply(place.node, outcome)
    return outcome.reply


def _find(command: Command) -> Decide:
    def decide(state: CallState) -> Decision:
        if state.status is CallStatus.QUARANTINED:
            return refuse(state, command, replies.quarantined(state.reason))
        session = sessions.of_other(state, command) if state.status is CallStatus.LIVE else None
        if session is None:
            return refuse(state, command, replies.UNKNOWN)
        if command.verb in RECORDING and copied_once(state, session):
            return refuse(state, command, replies.Refusal(COPIED))
        request = asked(state, session, command)
        return Decision([], Intent(0, session.engine, session.node, session.relay_id, request))

    return decide


def _with_other_calls(place: Intent) -> Step[NgDict | replies.Refusal]:
    """Return the request with the ids that other calls named in it have on this node; refuse if one is elsewhere."""
    request = dict(place.request)
    for key in OTHER_CALL_KEYS:
        value = request.get(key)
        if isinstance(value, bytes):
            found = yield from _id_on(place.node, value)
            if isinstance(found, replies.Refusal):
                return found
            request[key] = found
    calls = request.get(b"calls")
    if isinstance(calls, list):
        ids: list[NgValue] = []
        for value in calls:
            found = (yield from _id_on(place.node, value)) if isinstance(value, bytes) else b""
            if isinstance(found, replies.Refusal):
                return found
            ids.append(found)
        request[b"calls"] = ids
    return request


def _id_on(node: str, call_id: bytes) -> Step[bytes | replies.Refusal]:
    name = call_id.decode("utf-8", "surrogateescape")
    place = yield Locate(name)
    if place is None:
        return replies.UNKNOWN
    if place[0] != node:
        return replies.Refusal(f"Call {name} is on node {place[0]}, this one on {node}: they cannot be joined")
    return bytes(place[1].encode("utf-8", "surrogateescape"))


def where() -> Flow:
    """Come to where this call is, for another one that is to be joined with it; `place_of` reads the reply."""
    place = yield Read(_newest)
    if place is None:
        return replies.error(replies.UNKNOWN_CALL)
    return {**replies.ok(), NODE: to_bytes(place[0]), RELAY_ID: to_bytes(place[1])}


def _newest(state: CallState) -> tuple[str, str] | None:
    session = next(sessions.newest_first(state), None)
    return (session.node, session.relay_id) if session else None


def place_of(reply: NgDict) -> tuple[str, str] | None:
    """Return the node and the relay id that a reply of `where` tells, None if the call is nowhere."""
    node, relay_id = reply.get(NODE), reply.get(RELAY_ID)
    if not isinstance(node, bytes) or not isinstance(relay_id, bytes):
        return None
    return node.decode(errors="surrogateescape"), relay_id.decode(errors="surrogateescape")


def _conclude(command: Command, place: Intent, outcome: Outcome) -> Decide:
    done = outcome.reply is not None and is_ok(outcome.reply)
    why = outcome.reason if outcome.reply is None else reason_of(outcome.reply)

    def decide(state: CallState) -> Decision:
        session = sessions.at(state, place.node, place.relay_id)
        event = CommandForwarded(
            command=command.verb,
            session=session.number,
            result="ok" if done else "error",
            reason=why,
            from_tag=command.from_tag,
            to_tag=command.to_tag,
        )
        return Decision([event])

    return decide
