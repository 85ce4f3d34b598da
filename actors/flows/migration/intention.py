"""A wish to move a call, checked and journalled."""

from __future__ import annotations

from dataclasses import replace

from actors.commands.media import SdpBySettings
from actors.commands.migration import Migrate, MoveTarget, Whereabouts
from actors.commands.relay import RelaySdp
from actors.effects import Decision
from actors.flows.media.wording import media_request
from actors.flows.migration.agreed import session_of
from actors.node_table import NodeTable
from actors.results import UNKNOWN, Moved, Refused, quarantined
from engines.kind import Untranslatable
from engines.refusal import RefusalCode
from engines.registry import kind_of
from engines.sets import EVERY_SET
from events.names import NO_NODE, NO_TAG, Leg, Tag
from events.registry import MigrationFailed, MigrationIntended
from events.verb import OFFER
from replay.migration import Migration
from replay.relay_settings import RelaySettings
from replay.state import CallState, CallStatus, Session

ENDED = Refused(RefusalCode.ENDED, "The call has ended")
ELSEWHERE = Refused(RefusalCode.NOT_FOUND, "The call is not where it was to be moved from")
MOVING = Refused(RefusalCode.MOVING, "The call is moving already")
EARLY = Refused(RefusalCode.EARLY, "The call was not answered yet: it can be moved once it is")
SEVERAL = Refused(
    RefusalCode.SEVERAL, "Several callees have answered the call: it can be moved once one of them is left"
)
NO_RELAY = Refused(RefusalCode.NOT_ENGAGED, "The call's media go through no relay")
REPLACED = "another move is wanted"


def intend(state: CallState, command: Migrate, nodes: NodeTable) -> Decision:
    """Decide to move a call, or to refuse that. The value is the number of the move; a Moved if that has to wait."""
    again = _asked_before(state, command)
    if again is not None:
        return Decision([], again)
    refusal = _impossible(state)
    if refusal is not None:
        return Decision([], refusal)
    callee_tag = next(iter(state.dialogs()), NO_TAG) if state.answered else NO_TAG
    session = session_of(state, callee_tag) if callee_tag else _last_usable(state, command.leaves)
    if session is None:
        return Decision([], NO_RELAY)
    if not command.leaves.are(session.engine, session.set, session.node):
        return Decision([], ELSEWHERE)
    event = _intention(state, command, session, callee_tag, nodes)
    refusal = _no_node(state, event, nodes) or _unmeant(state, event, session)
    if refusal is not None:
        return Decision([], refusal)
    wish = _open(event, command.target) if event.early else event
    return Decision([*_replaced(state), wish], _waiting(event) if event.waits else event.migration)


def _asked_before(state: CallState, command: Migrate) -> int | Moved | None:
    """Return what came of a job's wish, which is asked again; None if it was not asked before, or moves just now."""
    move = state.migration
    if not command.job or command.job != state.moved_for or (move is not None and not move.waits):
        return None
    if move is not None:
        return Moved(node=move.node, engine=move.engine, set=move.set, waits=True, early=move.early)
    return None if state.is_over and state.not_moved else state.migrations


def _last_usable(state: CallState, wanted: Whereabouts) -> Session | None:
    """Return the newest session, best one of those that are where the call is to be moved from."""

    def merit(session: Session) -> tuple[bool, int]:
        return wanted.are(session.engine, session.set, session.node), session.number

    return max(state.usable_sessions(), key=merit, default=None)


def _replaced(state: CallState) -> list[MigrationFailed]:
    """Return the end of a move that still waits: another one is wanted."""
    move = state.migration
    return [MigrationFailed(migration=move.number, reason=REPLACED)] if move is not None else []


def _waiting(event: MigrationIntended) -> Moved:
    return Moved(node=event.node, engine=event.engine, set=event.set, waits=True, early=event.early)


def _impossible(state: CallState) -> Refused | None:
    """Return why a call cannot be moved whereto ever; None if it can."""
    if state.status is CallStatus.QUARANTINED:
        return quarantined(state.reason)
    if state.version == 0 or state.is_over:
        return ENDED if state.version else UNKNOWN
    if state.migration is not None and not state.migration.waits:
        return MOVING
    if state.status is CallStatus.NEW or not state.sessions:
        return NO_RELAY
    if not state.answered and (state.sip_dialogs is None or state.has_dialog):
        return EARLY  # its client is to be asked for an offer only then; or its answer comes just now, with the ACK
    return SEVERAL if len(state.dialogs()) > 1 else None


def _intention(
    state: CallState, command: Migrate, session: Session, callee_tag: Tag, nodes: NodeTable
) -> MigrationIntended:
    target = command.target
    named = nodes.node(target.node) if target.node else None
    at_node = named.spec if named else None
    of_node = "" if at_node is None or at_node.set == EVERY_SET else at_node.set
    engine = target.engine or (at_node.engine if at_node else session.engine)
    set_name = target.set or of_node or session.set
    return MigrationIntended(
        migration=state.migrations + 1,
        leaves=session.number,
        callee_tag=callee_tag,
        engine=engine,
        set=set_name,
        node=target.node,
        avoid=target.avoid or (session.node if target.node not in ("", session.node) else NO_NODE),
        method=command.method,
        waits=not callee_tag,
        early=not state.answered,
        caller=command.caller,
        callee=command.callee,
        asked_by=command.asked_by,
        reason=command.reason,
        job=command.job,
    )


def _open(event: MigrationIntended, target: MoveTarget) -> MigrationIntended:
    """Return a move of a call that rings: where no engine or set is named, it keeps that of the answered branch."""
    engine = event.engine if target.engine or target.node else ""
    return replace(event, engine=engine, set=event.set if target.set or target.node else "")


def _no_node(state: CallState, event: MigrationIntended, nodes: NodeTable) -> Refused | None:
    if event.node and nodes.node(event.node) is None:
        return Refused(RefusalCode.NO_NODE, f"There is no node {event.node!r}")
    candidates = nodes.candidates(event.set, state.call_id, event.engine)
    if any(spec.name != event.avoid for spec in candidates):
        return None
    other = "other " if event.avoid else ""
    return Refused(RefusalCode.NO_NODE, f"No {other}{event.engine} node of set {event.set!r} takes calls")


def _unmeant(state: CallState, event: MigrationIntended, session: Session) -> Refused | None:
    """Refuse settings that the engine cannot mean; None if it can."""
    changes = Migration.begun(event, at=0).changes(state.relay or RelaySettings(), session.branch)
    try:
        for leg in Leg:
            media = RelaySdp(
                call_id=state.call_id, verb=OFFER, leg=leg, branch=session.branch, from_tag=session.from_tag, sdp=b""
            )
            kind_of(event.engine).request(media_request(state, SdpBySettings(media, "", changes)))
    except (Untranslatable, LookupError) as error:
        return Refused(RefusalCode.BAD_SETTINGS, str(error))
    return None
