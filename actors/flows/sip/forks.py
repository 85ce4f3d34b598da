"""What a relay has to be told beside each body as it comes, because the branches of a fork get in each other's way.

- A caller may take any of several callees that answer (RFC 3261 13.2.2.4): each 2xx has a relay session until its
  dialog ends. What was not answered is freed at the first 2xx; a callee that answers all the same gets a session anew.
- A node with branches lets the caller talk to the party whose answer it was told last (seen on rtpengine 10.5.3), and
  so does any node when two callees answer on one branch. So the answer of the party that is to be heard, the first one
  that was established, is told again when another's was told after it.
"""

from __future__ import annotations

from dataclasses import replace

from actors.commands.relay import RelaySdp
from actors.effects import Flow, Persist, Read, Sleep, Spawn, Step
from actors.flows.media import sessions
from actors.flows.media.delete import carry_out
from actors.flows.sip.branches import without_spares
from events.names import NO_TAG, Tag
from events.verb import OFFER
from replay import session_dialogs
from replay.projection import SPARE, Deadlines
from replay.relay_settings import CALLEE
from replay.sip_dialogs import other
from replay.state import Agreement, CallState


def free_spares(callers_tag: Tag, at: int, *, waits: bool) -> Step[None]:
    """Free the branches that were not answered when another one was.

    Unless the flow is to wait for it, they are kept for a moment (`SPARE`): who answers just when the CANCEL is on its
    way finds its session still there.
    """
    if waits:
        yield from _free(callers_tag, at)
    elif (yield Read(lambda state: bool(state.spare_branches()))):
        yield Spawn(_free_later(callers_tag, at))


def free_overdue(now: int, deadlines: Deadlines) -> Step[None]:
    """Free the branches that nobody lived to free."""
    if (yield Read(lambda state: _overdue(state, now, deadlines))):
        yield from _free(NO_TAG, now)


def _overdue(state: CallState, now: int, deadlines: Deadlines) -> bool:
    if state.relay is None or not state.spare_branches():
        return False
    return deadlines.after(state.relay.established_at, SPARE) < now


def _free_later(callers_tag: Tag, at: int) -> Flow:
    yield Sleep(SPARE)
    yield from _free(callers_tag, at + SPARE)
    return None


def _free(callers_tag: Tag, at: int) -> Step[None]:
    yield from carry_out((yield Persist(without_spares(callers_tag, at))))


def offer_before(state: CallState, answer: RelaySdp) -> RelaySdp | None:
    """Return the offer that a callee's answer needs first, because its branch was freed; None if it needs none."""
    offer = state.given.get((answer.from_tag, answer.branch))
    if answer.leg != CALLEE or offer is None or sessions.awaits(state, answer.from_tag, answer.to_tag, answer.branch):
        return None
    return replace(answer, verb=OFFER, leg=other(answer.leg), to_tag=NO_TAG, sdp=offer.sdp, received_from="", anew=True)


def is_late(state: CallState, callees_tag: Tag) -> bool:
    """Return whether a dialog that is not established has no say any more, because another branch was answered."""
    if state.relay is None or state.relay.established is None or state.negotiation is None:
        return False
    return bool(callees_tag) and callees_tag not in state.negotiation.established()


def answer_overtaken(state: CallState, callers_tag: Tag) -> Agreement | None:
    """Return the offer and answer of the party that is to be heard, if its node was told another's answer last."""
    callees_tag = _heard(state)
    for session in sessions.newest_first(state):
        dialog = session_dialogs.between(session.dialogs, callers_tag, callees_tag)
        last = session.agreement
        if dialog is None or last is None or dialog.joins(last.from_tag, last.to_tag):
            continue
        offer, answer = state.legs.get(dialog.from_tag), state.legs.get(dialog.to_tag)
        if offer and answer:
            return Agreement(dialog.from_tag, dialog.to_tag, dialog.branch, offer.sdp, answer.sdp)
    return None


def _heard(state: CallState) -> str:
    """Return the tag of the callee that was established first, of those whose dialog has not ended; "" for none."""
    established = state.negotiation.established() if state.negotiation else []
    first = state.relay.established_tag if state.relay else ""
    return first if first in established else next(iter(established), "")
