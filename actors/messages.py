"""The messages that actors send each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from actors.call_history import StoredCall
from actors.commands.command import CallCommand
from actors.effects import Outcome
from actors.results import Located, Refused
from actors.runtime.ref import LoopRef
from actors.sip_requests import SipOutcome
from engines.health import AdminState, NodeSnapshot
from engines.kind import Operation
from events.names import NodeName
from events.values import value

Reply: TypeAlias = Callable[[Any], None]
"""Takes the result of a command. It is called once, on the loop; it must not raise."""


@value
class Do:
    """To a call: carry out a command, then hand the result over."""

    command: CallCommand[Any]
    reply: Reply


@value
class Appended:
    """To a call, from the journal: it has what it was to append or to confirm. error: why not, None if it has."""

    error: BaseException | None


@value
class Loaded:
    """To a call, from the journal: the call as it is there. error: why that cannot be read, None if it can."""

    call: StoredCall | None
    error: BaseException | None


@value
class Passivate:
    """To a call: leave memory if you have nothing going on."""


@value
class Leave:
    """To a call: leave memory, whatever is going on; the journal has what others need to go on with it."""


@value
class Perform:
    """To a node: do this, and tell `asker` with a Performed that carries `token`."""

    operation: Operation
    asker: LoopRef[Any]
    token: Any


@value
class Performed:
    """From a node: how it ended."""

    token: Any
    outcome: Outcome


@value
class Replied:
    """To a call: how a SIP request of its own ended."""

    token: Any
    outcome: SipOutcome


@value
class Waited:
    """To a call: the time has passed that a flow wanted to wait."""

    token: Any


@value
class NameLent:
    """To a call: whether nodes know another call's session by a name, or why that is not known."""

    token: Any
    result: bool | Refused


@value
class CallLocated:
    """To a call: where the other call is that it asked for, or why that is not known."""

    token: Any
    result: Located | Refused


@value
class SetAdminState:
    """To a node, from an operator: serve, drain, or be left alone; `reason` is for the log."""

    admin: AdminState
    reason: str = ""


@value
class HealthTold:
    """To a node, from another process that talks to it: how it is by what became of the commands there."""

    is_down: bool
    why: str


@value
class Retire:
    """To a node: end when what is under way has ended. Who watches it hears no more of it."""


@value
class Watch:
    """To a node: tell `watcher` how you are, now and whenever that changes, each time with a HealthChanged."""

    watcher: LoopRef[Any]


@value
class HealthChanged:
    """From a node to those who watch it: how it is, and why that is another state than before."""

    node: NodeName
    health: NodeSnapshot
    why: str


@value
class Describe:
    """To a node, to be asked (`ActorRef.ask`): the answer is a NodeReport."""


@value(kw_only=True)
class NodeReport:
    """What a node's actor knows of its node: how it is, and how many operations it was asked that have not ended."""

    health: NodeSnapshot
    in_flight: int = 0
