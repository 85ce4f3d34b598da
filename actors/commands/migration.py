"""What is asked of a call that is to go to another node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from actors.commands.command import CallCommand
from actors.results import Moved
from events.names import NO_NODE, NodeName
from events.values import value


@value(kw_only=True)
class MoveTarget:
    """Where a call is to go. Each "" leaves it: the engine and set that it has, any node of that set.

    A node that is named says its engine and set, where these are not given. All empty: a node of the same set, chosen
    anew, which may be the same one; `avoid` is a node that it must not be. Where another node is named than the call's,
    that is not taken either: the call moves, or it fails.
    """

    engine: str = ""
    set: str = ""
    node: NodeName = NO_NODE
    avoid: NodeName = NO_NODE


@value(kw_only=True)
class Whereabouts:
    """Where a call is: in a session of this engine and set, on this node; "" for any."""

    engine: str = ""
    set: str = ""
    node: NodeName = NO_NODE

    def are(self, engine: str, set_name: str, node: NodeName) -> bool:
        """Return whether a session of this kind is there."""
        has = ((self.engine, engine), (self.set, set_name), (self.node, node))
        return all(wanted in ("", own) for wanted, own in has)


ANYWHERE = Whereabouts()


@value(kw_only=True)
class Migrate(CallCommand[Moved]):
    """Move a call to another session, which its parties are told of, and come to where it is then.

    One that rings moves when it is answered: then, as for one that moves with its next offer, the result says that it
    waits. It comes to a refusal if the call stays where it was: one that is not there (UNKNOWN_CALL), has ended
    (ENDED), moves already (MOVING), was not answered and has no dialogs that are known here (EARLY), was answered by
    several (SEVERAL), has no relay (NOT_ENGAGED); settings that the engine cannot mean (BAD_SETTINGS), no node
    (NO_NODE) or one that fails; a party that does not come along (TURNED_BACK). The result can take a minute and more,
    while parties do not answer.

    caller, callee: settings of the legs that change with the move; those that are not named stay. method: of the
    requests that tell the parties; UPDATE goes to those that say they know it. asked_by, reason: for people.

    leaves: a call that is somewhere else is left there (NOT_FOUND). job: the name of the job that wants it. A job moves
    a call once: when it asks again it is told what came of that, or that the move goes on (MOVING).
    """

    runs_beside: ClassVar[bool] = True

    target: MoveTarget = MoveTarget()
    caller: Mapping[str, str] = field(default_factory=dict)
    callee: Mapping[str, str] = field(default_factory=dict)
    method: Literal["INVITE", "UPDATE"] = "INVITE"
    asked_by: str = ""
    reason: str = ""
    leaves: Whereabouts = ANYWHERE
    job: str = ""
