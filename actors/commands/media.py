"""What is asked of a call about its media: offers, answers, deletes, and what is passed on to its node as it is."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from actors.commands.command import CallCommand
from actors.commands.relay import RelaySdp
from actors.results import Done, NodeAnswered, Relayed
from engines.request import NodeRequest
from events.names import NO_BRANCH, NO_NODE, NO_TAG, BranchId, NodeName, Tag
from events.values import value
from events.verb import Verb
from replay.settings_changes import RelayChange

R_co = TypeVar("R_co", covariant=True)

OFFERS = frozenset({Verb.OFFER, Verb.PUBLISH, Verb.CREATE, Verb.TRANSFORM})
"""The verbs that can create something on a node."""


@value
class SdpBySettings:
    """An SDP that a node is told of as the call's settings say, rather than in a client's words.

    notify_socket: where the node may tell that its media timed out. changes: of the settings, for this one. reached_at:
    the SDP with the addresses that another node has learned of its sender, b"" where it is told as it is.
    """

    media: RelaySdp
    notify_socket: str
    changes: tuple[RelayChange, ...] = ()
    reached_at: bytes = b""

    @property
    def sdp(self) -> bytes:
        """The session description as its sender made it."""
        return self.media.sdp


@value(kw_only=True)
class DeleteBySettings:
    """A delete that a node is told of as the call's settings say.

    from_tag, to_tag, branch: what the node is told, "" where it is not. by_caller: whose tag from_tag is.
    """

    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    by_caller: bool = True


Wording: TypeAlias = NodeRequest | SdpBySettings | DeleteBySettings
"""Where the words come from in which a node is asked: a client's, or the settings that are in force then."""


@value(kw_only=True)
class MediaCommand(CallCommand[R_co]):
    """What all of these have.

    verb: what a node is asked. from_tag, to_tag, branch: whom it is about, "" where it does not say.
    request: what the node is to be told. received_at: ms since the epoch. migration, session: the call's move that it
    is made for, and the session that it is to go to whatever its parties have elsewhere; 0 for none.
    """

    verb: Verb
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    request: Wording
    received_at: int
    migration: int = 0
    session: int = 0

    @property
    def serial_key(self) -> str | None:
        """What it waits for: its branch."""
        return self.branch

    @property
    def in_clients_words(self) -> bool:
        """Whether a client of the ng protocol says it; the settings say the others."""
        return isinstance(self.request, NodeRequest)

    @property
    def sdp(self) -> bytes:
        """The session description in it; empty if there is none."""
        return b"" if isinstance(self.request, DeleteBySettings) else self.request.sdp


AnyMediaCommand: TypeAlias = MediaCommand[Any]


@value(kw_only=True)
class Offer(MediaCommand[Relayed]):
    """Relay an offer, or make on a node what else the client wants made there (OFFERS).

    set: the node set that a new session is placed in. engine: the only relay kind whose nodes may be chosen, "" where
    any may. digest: what the very same request has, too, and no other; empty for what is not known again. moves:
    whether it may open a session on another node when that of its dialog does not take it. anew: whether it is to have
    a session of its own, whatever sessions there are. node: the one of the set that is tried first, "" for none.
    avoid: the one that no new session of it may be on, "" for none. stays: whether the call does
    not move with it, though its move waits for an offer.
    """

    verb: Verb = Verb.OFFER
    set: str = "default"
    engine: str = ""
    digest: bytes = b""
    moves: bool = True
    anew: bool = False
    node: NodeName = NO_NODE
    avoid: NodeName = NO_NODE
    stays: bool = False

    @property
    def opens_call(self) -> bool:
        """Whether it may be the first that is heard of a call: it names no other party."""
        return not self.to_tag


@value(kw_only=True)
class Answer(MediaCommand[Relayed]):
    """Relay an answer, in the session in which its offer was made."""

    verb: Verb = Verb.ANSWER


@value(kw_only=True)
class Delete(MediaCommand[NodeAnswered | Done]):
    """Remove what is named from nodes: a dialog, a branch, or all that there is.

    to_tag: "" unless it is to count. delay: seconds until a node is to remove it. fatal: whether it is an error if
    there is nothing of what is named. ends_call: whether the delete of all that there is ends the call. reason: why,
    for the journal.
    """

    verb: Verb = Verb.DELETE
    delay: int = 0
    fatal: bool = False
    ends_call: bool = True
    reason: str = "delete by the client"

    @property
    def serial_key(self) -> str | None:
        """What it waits for: its branch, or without one for all that runs."""
        return self.branch or None


@value(kw_only=True)
class PassThrough(MediaCommand[NodeAnswered]):
    """Pass a command on to the call's node: recording, prompts, DTMF, subscriptions, a query."""
