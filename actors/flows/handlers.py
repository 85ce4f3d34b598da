"""Which flow carries a command out."""

from __future__ import annotations

from actors.call_context import CallContext
from actors.command import OFFERS, Command
from actors.effects import Flow
from actors.flows.media.answer import answer
from actors.flows.media.delete import delete
from actors.flows.media.offer import offer
from actors.flows.media.passthrough import other


def flow_for(command: Command, context: CallContext) -> Flow:
    """Return the flow of a command, not yet begun."""
    if command.verb in OFFERS:
        return offer(command, context.nodes)
    if command.verb == "answer":
        return answer(command)
    if command.verb == "delete":
        return delete(command)
    return other(command)
