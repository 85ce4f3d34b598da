"""A node is drained, and its calls are moved away: asked for together, so that what cannot be refuses both."""

from __future__ import annotations

import asyncio
from functools import partial

from actors.commands.migration import MoveTarget
from actors.control.bulk import BulkWish
from actors.control.control import Control
from actors.control.known_nodes import why_no_calls
from actors.control.steering import Wish
from engines.health import AdminState
from engines.set_names import SetNames
from engines.sets import EVERY_SET
from events.bulk_parts import BulkPart
from events.names import NodeName
from gateways.mi.decisions import asked_by, decide
from gateways.mi.destinations import Known, check_set, check_takes_calls, destination
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods, always
from gateways.mi.parameters import Arguments, Parameter, as_number, positive

RECIPE = (
    Parameter("node"),
    *(Parameter(name, optional=True) for name in ("new_node", "new_set")),
    Parameter("within", as_number, optional=True),
    Parameter("reason", optional=True),
)
PATIENCE = 1.5
"""Seconds for which control nodes are waited for that do not follow yet; clients wait for two to five."""

LOOK = 0.1
"""Seconds between two looks at that."""

MOVES = frozenset({"new_node", "new_set", "within"})
"""What has its calls moved away, if it is given."""


class DrainMethods:
    """`rtp_relay:node_drain`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets

    def add_to(self, methods: Methods) -> None:
        """Add the method."""
        what = "Has a node draining, and its calls moved away, where it is said where to or within which time."
        methods.add(Method("rtp_relay:node_drain", what, self._drain, (RECIPE,), always))

    async def _drain(self, given: Arguments, caller: Caller) -> Json:
        node, reason = NodeName(given["node"]), given.get("reason", "")
        target = await self._target(given) if MOVES & given.keys() else None
        wish = None if target is None else _moving(node, target, given, caller)
        check = None if target is None else partial(_check_elsewhere, node, target)
        work = self._control.steering.set_state(node, AdminState.DRAINING, Wish(asked_by(caller), reason), check)
        decided = await decide(work)
        told = {"version": decided.version, "changed": decided.changed, "calls": decided.calls}
        if wish is None:
            return told
        await self._until_followed(decided.version)
        return told | {"job": await self._control.bulk.ask(wish)}

    async def _until_followed(self, version: int) -> None:
        """Wait for control nodes that still place calls there: the job might be over before they have stopped."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        behind = await self._control.steering.behind(version)
        while behind and loop.time() < deadline:
            await asyncio.sleep(LOOK)
            behind = await self._control.steering.behind(version)

    async def _target(self, given: Arguments) -> MoveTarget:
        """Return where the calls of a node are to go. Raises MiError for what there is not."""
        return destination(given, await self._control.steering.known(), self._sets, prefix="new_")


def _moving(node: NodeName, target: MoveTarget, given: Arguments, caller: Caller) -> BulkWish:
    """Return the job that moves the calls of a node away. Raises MiError for what makes no sense."""
    elsewhere = not (target.set or target.node)
    return BulkWish(
        parts=(BulkPart(node=node, new_set=target.set, new_node=target.node, elsewhere=elsewhere),),
        within=positive(given, "within", 0),
        until_empty=True,
        asked_by=caller.name,
        reason=given.get("reason") or f"drain of node {node}",
    )


def _check_elsewhere(node: NodeName, target: MoveTarget, known: Known) -> None:
    """Raise MiError where no call of a node would leave it for where it is to go."""
    if target.node == node:
        raise MiError(400, "Bad node", f"node {node} is to be drained: its calls are to go to another one")
    if target.node and target.node not in known:
        raise MiError(409, "node takes no calls", f"node {target.node} takes no calls: it was removed meanwhile")
    check_takes_calls(target.node, known)
    if target.set and not target.node:
        check_set(target.set, (one.spec for one in known.values()))
    if not target.node:
        _check_takes_over(node, target.set or known[node].spec.set, known)


def _check_takes_over(node: NodeName, set_name: str, known: Known) -> None:
    """Raise MiError if nothing in a set is to take calls of a node: they keep their kind of relay."""
    engine = known[node].spec.engine
    others = (one for name, one in known.items() if name != node and one.spec.set in (set_name, EVERY_SET))
    if not any(one.spec.engine == engine and not why_no_calls(one) for one in others):
        raise MiError(409, "set takes no calls", f"no other {engine} node of set {set_name!r} is to take calls")
