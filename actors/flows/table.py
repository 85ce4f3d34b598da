"""Which flow carries a command out."""

from __future__ import annotations

from actors.command import OFFERS, Command
from actors.effects import Flow
from actors.flows.answer import answer
from actors.flows.delete import delete
from actors.flows.offer import offer
from actors.flows.other import other
from actors.surroundings import Surroundings


def flow_for(command: Command, around: Surroundings) -> Flow:
    """Give the flow of a command, not yet begun."""
    if command.verb in OFFERS:
        return offer(command, around.nodes)
    if command.verb == "answer":
        return answer(command)
    if command.verb == "delete":
        return delete(command)
    return other(command)
