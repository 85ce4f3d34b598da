"""What is asked of a call about copies of its media (media forking)."""

from __future__ import annotations

from actors.commands.command import CallCommand
from actors.results import CopyOffered, Done
from events.names import Leg
from events.values import value


@value(kw_only=True)
class OfferCopy(CallCommand[CopyOffered]):
    """Begin a copy, or change one of that name; a change that fails ends the copy.

    legs: whose media, both if empty. streams: m= line numbers from 1, all if empty. siprec: label the streams as
    RFC 7866 wants it. inactive: begin paused.
    """

    name: str
    legs: tuple[Leg, ...] = ()
    streams: tuple[int, ...] = ()
    siprec: bool = False
    inactive: bool = False


@value(kw_only=True)
class AnswerCopy(CallCommand[Done]):
    """Tell the node the recorder's answer: media flow to it from then on."""

    name: str
    sdp: bytes


@value(kw_only=True)
class DeleteCopy(CallCommand[Done]):
    """End a copy. A node that does not answer leaves it due."""

    name: str
    reason: str
