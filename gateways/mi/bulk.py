"""Many calls move: OpenSIPS' `rtp_relay_update`, and our own methods about the jobs that it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from actors.control.bulk import IN_FLIGHT, BulkMoves, BulkProgress, BulkWish, NoSuchJob, NothingToMove, balanced
from actors.control.control import Control
from actors.control.documents import Document, of_bulk
from engines.route.kind import RouteKind
from engines.set_names import SetNames
from engines.sets import NodeSpec
from events.bulk_parts import BulkPart
from events.names import NO_NODE, NodeName
from gateways.mi.destinations import check_engine, check_set, check_takes_calls, destination
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods, always
from gateways.mi.names import ENGINE, NODE, SET, engine_named, node_named, set_named
from gateways.mi.parameters import Arguments, Parameter, as_number, as_switch, positive

BY_POSITION = ((), *((ENGINE, *more) for count in range(3) for more in combinations((SET, NODE), count)))
PACE = (Parameter("in_flight", as_number, optional=True), Parameter("rate", as_number, optional=True))
REASON = Parameter("reason", optional=True)
BY_NAME = (
    *(
        Parameter(name, optional=True, by_name=True)
        for name in ("engine", "set", "node", "new_set", "new_node", "new_engine")
    ),
    *PACE,
    Parameter("within", as_number, optional=True),
    Parameter("elsewhere", as_switch, optional=True),
    Parameter("until_empty", as_switch, optional=True),
    REASON,
)
JOB = Parameter("job")


class BulkMethods:
    """`rtp_relay:update`, `update_status`, `update_cancel` and `rebalance`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets

    @property
    def _moves(self) -> BulkMoves:
        return self._control.bulk

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method(
                "rtp_relay:update",
                "Has the calls of an engine, a set or a node get new sessions, or move to another set or node.",
                self._update,
                (*BY_POSITION, BY_NAME),
                always,
            ),
            Method(
                "rtp_relay:update_status",
                "Says how far such a job is; without one, how far those are that go on.",
                self._status,
                ((replace(JOB, optional=True),),),
            ),
            Method("rtp_relay:update_cancel", "Has a job move no more calls.", self._cancel, ((JOB, REASON),), always),
            Method(
                "rtp_relay:rebalance",
                "Has the fewest calls move that bring the nodes of a set to their weights.",
                self._rebalance,
                ((Parameter("set"), *PACE, REASON),),
                always,
            ),
        )

    async def _update(self, given: Arguments, caller: Caller) -> Json:
        if given.get("elsewhere") and "node" not in given:
            raise MiError(400, "Bad parameters", "elsewhere is said of a node")
        return await self._ask((await self._part(given),), given, caller, "rtp_relay_update")

    async def _part(self, given: Arguments) -> BulkPart:
        known = await self._control.steering.known()
        target = destination(given, known, self._sets, prefix="new_")
        check_takes_calls(target.node, known)
        specs = [node.spec for node in known.values()]
        if target.set and specs and target.engine != RouteKind.name:
            check_set(target.set, specs)
        if target.engine and specs and target.engine != RouteKind.name:
            check_engine(target.engine, specs)
        engine = engine_named(given["engine"]) if "engine" in given else ""
        origin = set_named(given["set"], self._sets) if "set" in given else ""
        if origin and specs and engine != RouteKind.name:
            check_set(origin, specs)
        return BulkPart(
            engine=engine,
            set=origin,
            node=self._origin(given, specs),
            new_engine=target.engine,
            new_set=target.set,
            new_node=target.node,
            elsewhere=given.get("elsewhere", False),
        )

    def _origin(self, given: Arguments, known: Sequence[NodeSpec]) -> NodeName:
        """Return the node whose calls are to move; it may be one that is none any more, and still has some."""
        if "node" not in given:
            return NO_NODE
        specs = {spec.name: spec for spec in (*known, *self._control.specs())}
        return node_named(given["node"], specs) if specs else NodeName(given["node"])

    async def _ask(self, parts: tuple[BulkPart, ...], given: Arguments, caller: Caller, what: str) -> Json:
        wish = BulkWish(
            parts=parts,
            in_flight=positive(given, "in_flight", IN_FLIGHT),
            rate=positive(given, "rate", 0),
            within=positive(given, "within", 0),
            until_empty=given.get("until_empty", False),
            asked_by=caller.name,
            reason=given.get("reason", what),
        )
        return {"status": "Accepted", "job": await self._moves.ask(wish)}

    async def _status(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        if "job" not in given:
            return [self._told(progress) for progress in await self._moves.going_on()]
        try:
            return self._told(await self._moves.progress(given["job"]))
        except NoSuchJob:
            raise _no_job(given) from None

    async def _cancel(self, given: Arguments, caller: Caller) -> Json:
        try:
            return self._told(await self._moves.cancel(given["job"], caller.name, given.get("reason", "")))
        except NoSuchJob:
            raise _no_job(given) from None

    def _told(self, progress: BulkProgress) -> Document:
        return of_bulk(progress)

    async def _rebalance(self, given: Arguments, caller: Caller) -> Json:
        if self._control.directory is None:
            raise MiError(503, "Service unavailable", "a service knows which nodes take calls, and none runs here")
        name = set_named(given["set"], self._sets)
        check_set(name, self._control.specs())
        try:
            parts = balanced(await self._control.nodes(), name)
        except NothingToMove as error:
            return {"status": "Balanced", "why": str(error)}
        return await self._ask(parts, given, caller, f"rebalance of set {name}") | {
            "moves": [{"node": one.node, "new_node": one.new_node, "calls": one.most} for one in parts]
        }


def _no_job(given: Arguments) -> MiError:
    return MiError(404, "Job not found", f"no job is known under {given['job']!r}")
