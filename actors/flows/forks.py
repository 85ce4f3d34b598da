"""What a relay has to be told beside each body as it comes, because the branches of a fork get in each other's way.

A node with branches lets the caller talk to the party whose answer it was told last (seen on rtpengine 10.5.3). So a
branch that is answered for good after another one's early answer has its own answer told again.
"""

from __future__ import annotations

from actors.flows.sessions import newest_first
from replay import dialogs
from replay.state import Agreement, CallState


def answer_overtaken(state: CallState, callers_tag: str, callees_tag: str) -> Agreement | None:
    """Give the offer and answer of two parties, if it was another party's answer that their node was told last.

    Once another one is established there is nothing to give.
    """
    if state.relay and state.relay.established_tag not in ("", callees_tag):
        return None
    for session in newest_first(state):
        dialog = dialogs.between(session.dialogs, callers_tag, callees_tag)
        last = session.agreement
        if dialog is None or last is None or dialog.joins(last.from_tag, last.to_tag):
            continue
        offer, answer = state.legs.get(dialog.from_tag), state.legs.get(dialog.to_tag)
        if offer and answer:
            return Agreement(dialog.from_tag, dialog.to_tag, dialog.branch, offer.sdp, answer.sdp)
    return None
