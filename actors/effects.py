"""What a flow can want done: the border between deciding and doing.

A flow (actors/flows) is a generator that handles one command. It does nothing by itself: it yields effects, and the
call actor does them and sends the results back in. So a flow can be run, stopped and crashed at every step by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from actors.results import OVERLOADED, Refused
from actors.sip_requests import DialogRequest
from engines.kind import Operation
from engines.refusal import RefusalCode
from engines.reply import NodeReply
from events.names import CallId, NodeName
from events.registry import Event
from events.values import value
from replay.state import CallState


@value
class Decision:
    """What is to be journalled, and what the flow goes on with when it is.

    No events: nothing is written, and the flow goes on when the journal has confirmed the state it was decided on.
    """

    events: Sequence[Event]
    value: Any = None


Decide: TypeAlias = Callable[[CallState], Decision]
"""A pure function of the state. It is called again, with the new state, when another control node wrote first."""


@value
class Persist:
    """Decide on the newest state and journal that. The flow is sent the decision's value.

    The state is one that the journal had since the flow began, or since it last waited for something else.
    """

    decide: Decide


@value
class Read:
    """Look at the newest state, as confirmed by the journal as that of a Persist is. The flow is sent what is seen.

    `look` is a pure function of the state, which it leaves as it is.
    """

    look: Callable[[CallState], Any]

    def decide(self, state: CallState) -> Decision:
        """Return the decision to journal nothing, with what is seen."""
        return Decision((), self.look(state))


@value
class AskNodes:
    """Ask nodes (name and operation of each) at the same time. The flow is sent the list of Outcomes, in order."""

    questions: Sequence[tuple[str, Operation]]


@value
class Spawn:
    """Run another flow of this call beside this one. The flow is sent None at once."""

    flow: Generator[Any, Any, Any]


@value
class RetryAt:
    """Let the call be due at `due`, for what could not be done, or earlier if its state says so. Sent None at once.

    settled: what was due until then has been attended to, so that the state's times up to it do not count. Both ms
    since the epoch.
    """

    due: int
    settled: int


@value
class HoldOff:
    """Let no control node attend to the call before `until` (ms since the epoch), whatever else is due of it.

    For what is under way and must not be begun a second time. It holds until something is journalled that changes when
    the state wants attention. The flow is sent None at once.
    """

    until: int


@value
class Locate:
    """Ask where another call is. The flow is sent a Located, or a Refused."""

    call_id: CallId


@value
class Lends:
    """Ask whether nodes know a session of another call by this name. The flow is sent that, or a Refused."""

    name: CallId


@value
class SendSip:
    """Send SIP requests of our own at the same time. The flow is sent the list of SipOutcomes, in order."""

    requests: Sequence[DialogRequest]


@value
class Sleep:
    """Let so many milliseconds pass. The flow is sent None then."""

    milliseconds: int


@value
class Warn:
    """Tell operators, in the log, of something about the call that they can mend. The flow is sent None at once.

    Decisions tell nobody anything, for they can be made again: what one is to say is in its value.
    """

    what: str
    why: str


@value
class End:
    """The end of a flow, which is done like an effect. result: what the flow came to."""

    result: Any


Act: TypeAlias = AskNodes | Spawn | RetryAt | HoldOff | Locate | Lends | SendSip | Sleep | Warn | End
"""What is done when the journal has all that was decided before it."""

Effect: TypeAlias = Persist | Read | Act

T = TypeVar("T")
Step: TypeAlias = Generator[Effect, Any, T]
"""A part of a flow: it wants effects and comes to a value."""

Flow: TypeAlias = Generator[Effect, Any, Any]
"""A flow comes to the result of its command (actors/results.py); None if nobody waits for one."""


def to_its_end(flow: Flow) -> Generator[Effect, Any, None]:
    """Run a flow, and end it by an effect: in compiled code an exception that is handled costs what ten calls do."""
    yield End((yield from flow))


@value
class Outcome:
    """How asking a node ended.

    reply: the node's, None if there was none. reached: whether the node may have acted. reason: why there is no reply,
    and code: the kind of cause, such as FULL if the node has as many commands in flight as it may.
    """

    reply: NodeReply | None = None
    reached: bool = True
    reason: str = ""
    code: RefusalCode = RefusalCode.NO_REPLY

    @property
    def agreed(self) -> NodeReply | None:
        """The reply of a node that did what it was asked; None if it did not."""
        return self.reply if self.reply is not None and self.reply.code is None else None

    @property
    def why(self) -> str:
        """Why the node did not do it, in its own words if it had any."""
        return self.reason if self.reply is None else self.reply.reason

    def refused(self, node: NodeName) -> Refused:
        """Return the refusal of what the node of that name was asked and did not do."""
        reply = self.reply
        if reply is not None:
            return Refused(reply.code or RefusalCode.REFUSED, reply.reason or "no reason was given", node, reply)
        if self.code is RefusalCode.FULL:
            return replace(OVERLOADED, node=node)
        return Refused(self.code, f"Node {node}: {self.reason}", node)
