"""What every kind of relay can be asked, and how it answers: the interface between calls and relay protocols.

An operation is asked in rtpengine's own words (the "ng" protocol), whatever the node is: a kind whose relay speaks
something else translates. A kind does no I/O: it is a generator of commands that is fed the replies.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, TypeAlias

from engines.held import HeldSession
from engines.media_request import MediaRequest
from engines.refusal import RefusalCode
from engines.reply import NodeReply
from engines.request import NodeRequest, plain
from events.names import RelayId, Tag
from events.registry import MeasuredStream
from events.values import value
from events.verb import Verb

Exchange: TypeAlias = Generator[list[bytes], list[bytes], NodeReply]
"""The talk with a node about one operation.

It yields commands to send (without cookie; those of one list may travel together), is sent their replies (without
cookie, in the same order), and returns what they come to.
"""


class Untranslatable(Exception):
    """The kind of relay cannot do what the request asks; nothing was sent.

    The message names the option and says what to do. code: a lasting one, as all nodes of the kind would refuse.
    """

    def __init__(self, message: str, code: RefusalCode = RefusalCode.BAD_SETTINGS) -> None:
        super().__init__(message)
        self.code = code


class MalformedReply(Exception):
    """A node's reply is not one of its protocol; the message says in what way."""


@value(kw_only=True)
class Operation:
    """One thing asked of a node for a session.

    relay_id: the call-id that the session has on the node.
    request: what the client said, or what was worded for it; `call-id` in it is the client's, the kind puts relay_id
        in its place.
    guarded: of an offer or answer, that no media of its SDP may go past the relay. What is asked by a client of the ng
        protocol is its own affair: its SDP goes through as it is where the node speaks that protocol.
    alone: of a removal, that nothing else is asked about the session meanwhile. One that is not alone must not create
        anything on its way, for another one may just be confirmed.
    whole: of a delete, that it takes the session whole, whoever it names, and is to be answered with its statistics.
    """

    verb: Verb
    relay_id: RelayId
    request: NodeRequest
    guarded: bool = False
    alone: bool = False
    whole: bool = False

    @property
    def removes(self) -> bool:
        """Whether it is a removal, which a node gets that is otherwise left alone."""
        return self.verb is Verb.DELETE

    def asked_alone(self) -> Operation:
        """Return the same, with nothing else asked about the session meanwhile."""
        return Operation(
            verb=self.verb,
            relay_id=self.relay_id,
            request=self.request,
            guarded=self.guarded,
            alone=True,
            whole=self.whole,
        )


class RelayKind(Protocol):
    """A kind of relay: its protocol, and how the operations of a call are said in it."""

    @property
    def name(self) -> str:
        """The name that configurations give it, such as "rtpengine"."""

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes that the url of a node may have, such as "udp" and "unix"."""

    @property
    def native_branches(self) -> bool:
        """Whether a node tells a call's branches apart under one id; otherwise each branch has an id of its own."""

    @property
    def several_copies(self) -> bool:
        """Whether a stream can be copied and recorded several times at once; otherwise the last one ends the others."""

    @property
    def answer_creates(self) -> bool:
        """Whether an answer can make a session that its node does not have, so that it is journalled before it is sent.

        An offer always can.
        """

    @property
    def tells_parties(self) -> bool:
        """Whether a node tells the parties of a session by its id alone, so that one which others made is taken over.

        `held` reads what it tells.
        """

    def perform(self, operation: Operation) -> Exchange:
        """Do the operation and return the reply, which tells whether the node agreed.

        Raises Untranslatable before the first command, and MalformedReply.
        """

    def request(self, media: MediaRequest) -> NodeRequest:
        """Return an offer, answer or delete in the ng protocol, for `perform`, which adds the call-id.

        Raises Untranslatable, which names the flag that cannot be meant and says what to do.
        """

    def ping(self) -> Exchange:
        """Ask whether the node is well; the reply is ok when it is. Raises MalformedReply."""

    def teardown(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Build the operation that removes, at once, the whole session that has exactly this id and these tags.

        from_tag is the tag of the session's first offer; to_tag is empty while there is no answer.
        """

    def knows(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Build the operation that asks whether the node holds this session; `NodeReply.unknown` tells."""

    def held(self, reply: NodeReply) -> HeldSession | None:
        """Return the session that the reply to `knows` tells of; None if it tells of none that could be taken over."""

    def measured(self, reply: NodeReply) -> tuple[MeasuredStream, ...]:
        """Return what the reply to a delete, or to `knows`, tells of the session's media; () where it tells nothing."""


STATISTICS = Operation(verb=Verb.STATISTICS, relay_id=RelayId(""), request=plain(Verb.STATISTICS))
"""What is asked of a node about all that it holds."""
