"""The part of a move that its parties do not notice: a node is told what they have agreed on.

It is told, too, where the node before it sends their media (`learning`), so that it reaches parties behind a NAT before
their media come.
"""

from __future__ import annotations

from actors.commands.media import Answer, Offer, SdpBySettings
from actors.commands.relay import RelaySdp
from actors.effects import Read, Step
from actors.flows.media.answer import answer
from actors.flows.media.offer import offer
from actors.flows.media.wording import media_request
from actors.flows.migration.agreed import Agreed
from actors.flows.migration.learning import Learned
from actors.node_table import NodeTable
from actors.results import Refused, Relayed
from engines.kind import Untranslatable
from engines.parties import with_learned
from engines.refusal import RefusalCode
from engines.registry import kind_of
from events.names import NO_NODE, CallId, NodeName, Tag
from events.values import value
from events.verb import ANSWER, OFFER, SdpVerb
from replay.relay_settings import RelaySettings
from replay.settings_changes import RelayChange
from replay.state import CallState


@value(kw_only=True)
class _Plan:
    """What a node is to be told, and which: that of `session`, 0 for a new one on a node of the set, best `node`.

    avoid: a node that is not taken. at: ms since the epoch. changes: of the call's settings, for this.
    """

    call_id: CallId
    number: int
    callee_tag: Tag
    agreed: Agreed
    session: int
    engine: str
    set: str
    node: NodeName
    avoid: NodeName
    at: int
    changes: tuple[RelayChange, ...]


def prepare(number: int, agreed: Agreed, learned: Learned, nodes: NodeTable) -> Step[Refused | None]:
    """Tell a node what both parties have said, as an offer and an answer. Comes to why it did not take them."""
    plan: _Plan | None = yield Read(lambda state: _plan(state, number, agreed))
    if plan is None:
        return None
    said = _said(plan, OFFER, learned, nodes)
    fault: Refused | None = yield Read(lambda state: _unmeant(state, plan, said))
    if fault is not None:
        return fault
    offered: Relayed | Refused = yield from offer(_offer(plan, said), nodes)
    if isinstance(offered, Refused):
        return offered
    session: int = yield Read(_destination)
    if not session:
        return None
    answered: Relayed | Refused = yield from answer(_answer(plan, _said(plan, ANSWER, learned, nodes), session))
    return answered if isinstance(answered, Refused) else None


def _plan(state: CallState, number: int, agreed: Agreed) -> _Plan | None:
    move = state.migration
    if move is None or move.number != number:
        return None
    session = state.sessions.get(move.destination)
    known = session is not None and (session.usable or bool(move.back))
    there = session if known else None
    return _Plan(
        call_id=state.call_id,
        number=number,
        callee_tag=move.callee_tag,
        agreed=agreed,
        session=there.number if there else 0,
        engine=there.engine if there else move.engine,
        set=there.set if there else move.set,
        node=NO_NODE if there else move.node,
        avoid=move.avoid,
        at=state.changed,
        changes=move.changes(state.relay or RelaySettings(), agreed.branch),
    )


def _destination(state: CallState) -> int:
    return state.migration.destination if state.migration else 0


def _unmeant(state: CallState, plan: _Plan, said: SdpBySettings) -> Refused | None:
    """Refuse what the settings in force cannot mean on that kind of relay; None if they can."""
    try:
        kind_of(plan.engine).request(media_request(state, said))
    except (Untranslatable, LookupError) as error:
        return Refused(RefusalCode.BAD_SETTINGS, str(error))
    return None


def _said(plan: _Plan, verb: SdpVerb, learned: Learned, nodes: NodeTable) -> SdpBySettings:
    """Return what one of the parties has said, to be worded by the settings of after the move."""
    agreed = plan.agreed
    sender, sdp = (agreed.from_tag, agreed.offer) if verb is OFFER else (agreed.to_tag, agreed.answer)
    media = RelaySdp(
        call_id=plan.call_id,
        verb=verb,
        leg=agreed.leg_of(sender, plan.callee_tag),
        branch=agreed.branch,
        from_tag=agreed.from_tag,
        to_tag=agreed.to_tag,
        sdp=sdp,
        at=plan.at,
    )
    there = with_learned(sdp, learned.get(sender, {}))
    return SdpBySettings(media, nodes.notices, plan.changes, there if there != sdp else b"")


def _offer(plan: _Plan, said: SdpBySettings) -> Offer:
    return Offer(
        call_id=plan.call_id,
        from_tag=plan.agreed.from_tag,
        to_tag=plan.agreed.to_tag,
        branch=plan.agreed.branch,
        request=said,
        received_at=plan.at,
        set=plan.set,
        engine=plan.engine,
        node=plan.node,
        avoid=plan.avoid,
        anew=not plan.session,
        moves=not plan.session,
        session=plan.session,
        migration=plan.number,
    )


def _answer(plan: _Plan, said: SdpBySettings, session: int) -> Answer:
    return Answer(
        call_id=plan.call_id,
        from_tag=plan.agreed.from_tag,
        to_tag=plan.agreed.to_tag,
        branch=plan.agreed.branch,
        request=said,
        received_at=plan.at,
        session=session,
        migration=plan.number,
    )
