"""Our own methods about calls: `rtp_relay:calls`, `count`, `call`, `quarantine` and `end`.

`rtpengine:teardown` is what OpenSIPS calls the end of a call.
"""

from __future__ import annotations

from enum import StrEnum

from actors.commands.recovery import ProbeSessions
from actors.control.control import Control
from actors.control.documents import of_call, of_row
from actors.control.ending import Ended, NoSuchCall, NotPossibleHere, end_call
from actors.results import Refused
from engines.set_names import SetNames
from engines.sets import EVERY_SET
from events.journal import CorruptEntry
from events.names import NO_NODE, CallId, NodeName
from events.records import CallFilter, CallPage
from gateways.mi.destinations import check_set
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.names import node_named, set_named
from gateways.mi.parameters import Arguments, Parameter, as_number
from replay.state import CallState, CallStatus

MOST = 1000
"""So many calls, or events, are in a page at most."""

PAGE = 100
"""So many are if nobody says how many: to write them takes the event loop a few ms."""


class Listed(StrEnum):
    """What a live call can be."""

    LIVE = "live"
    CLOSING = "closing"
    QUARANTINED = "quarantined"


CALL_ID = Parameter("callid")
CURSOR = Parameter("cursor", optional=True)
COUNT = Parameter("count", as_number, optional=True)
FILTERS = tuple(Parameter(name, optional=True) for name in ("node", "set", "status"))


class CallMethods:
    """Reads the calls of the whole cluster, and ends them."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method("rtp_relay:calls", "Lists live calls, a page at a time.", self._calls, ((*FILTERS, CURSOR, COUNT),)),
            Method("rtp_relay:quarantine", "Lists quarantined calls.", self._quarantine, ((CURSOR, COUNT),)),
            Method("rtp_relay:count", "Counts live calls, of each node and in all.", self._count),
            Method("rtp_relay:call", "Shows a call as it is.", self._call, ((CALL_ID,),)),
            Method("rtp_relay:end", "Ends a call, also a quarantined one.", self._end, ((CALL_ID,),), changes=always),
            Method("rtp_relay:probe", "Asks nodes for a call's sessions.", self._probe, ((CALL_ID,),), changes=always),
            Method(
                "rtpengine:teardown",
                "Ends a call.",
                self._teardown,
                ((CALL_ID,),),
                changes=always,
                lists_command=True,
            ),
        )

    async def _calls(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        group = given.get("set")
        wanted = CallFilter(
            node=NodeName(given.get("node", NO_NODE)),
            set=set_named(group, self._sets) if group else "",
            status=given.get("status", ""),
        )
        if not given.get("cursor"):
            await self._check(wanted)
        return await self._page(wanted, given)

    async def _check(self, wanted: CallFilter) -> None:
        """Raise MiError for a node, a set or a status that there is not: no calls of it would be taken for a fact."""
        if wanted.status and wanted.status not in list(Listed):
            raise MiError(400, "Bad status", f"{wanted.status!r}: a live call is one of {', '.join(Listed)}")
        specs = {name: node.spec for name, node in (await self._control.steering.known()).items()}
        if wanted.node and specs and wanted.node not in specs and wanted.node not in await self._control.count_calls():
            node_named(wanted.node, specs)
        if wanted.set and specs and all(spec.set not in (wanted.set, EVERY_SET) for spec in specs.values()):
            check_set(wanted.set, specs.values())

    async def _quarantine(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        return await self._page(CallFilter(status=CallStatus.QUARANTINED), given)

    async def _page(self, wanted: CallFilter, given: Arguments) -> Json:
        """Return the first page that has a call, from the cursor on: most have none where few are wanted."""
        page = CallPage((), given.get("cursor", ""))
        while not page.calls:
            try:
                page = await self._control.calls_page(wanted, page.cursor, count_of(given))
            except ValueError as error:
                raise MiError(400, "Bad cursor", str(error)) from None
            if not page.cursor:
                break
        return {"calls": [of_row(call) for call in page.calls], "cursor": page.cursor}

    async def _count(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        counted = dict(await self._control.count_calls())
        return {"total": counted.pop("", 0), "nodes": counted}

    async def _call(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        try:
            state: CallState = await self._control.call(CallId(given["callid"]))
        except CorruptEntry as error:
            raise MiError(500, "Call cannot be read", str(error)) from None
        if not state.version:
            raise not_known(given)
        return of_call(state, self._control.numbers)

    async def _end(self, given: Arguments, caller: Caller) -> Json:
        ended = await self._ended(given, f"rtp_relay:end, by {caller.name}")
        return {"how": ended.how, "sessions": [{"node": node, "id": relay_id} for node, relay_id in ended.sessions]}

    async def _probe(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        directory = self._control.directory
        if directory is None:
            raise MiError(503, "Service unavailable", "a running service alone asks nodes for a call's sessions")
        result = await directory.ask(ProbeSessions(call_id=CallId(given["callid"])))
        if isinstance(result, Refused):
            raise MiError(500, "Call not probed", f"{given['callid']!r}: {result.reason}")
        return OK

    async def _teardown(self, given: Arguments, caller: Caller) -> Json:
        await self._ended(given, f"rtpengine:teardown, by {caller.name}")
        return OK

    async def _ended(self, given: Arguments, reason: str) -> Ended:
        try:
            ended = await end_call(self._control, CallId(given["callid"]), reason)
        except NoSuchCall:
            raise MiError(404, "Call not found", f"no live call is named {given['callid']!r}") from None
        except NotPossibleHere as error:
            raise MiError(503, "Service unavailable", str(error)) from None
        if isinstance(ended, Refused):
            raise MiError(500, "Call not ended", f"{given['callid']!r}: {ended.reason}")
        return ended


def count_of(given: Arguments) -> int:
    """Return how many are wanted of a page. Raises MiError."""
    count: int = given.get("count", PAGE)
    if not 1 <= count <= MOST:
        raise MiError(400, "Bad count", f"{count}: expected 1 to {MOST}")
    return count


def not_known(given: Arguments) -> MiError:
    """Return the error of a call that the journal does not have."""
    return MiError(404, "Call not found", f"no call is known under {given['callid']!r}")
