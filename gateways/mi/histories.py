"""Our own methods about the histories of calls: `rtp_relay:history` and `rtp_relay:entries`."""

from __future__ import annotations

from collections.abc import Sequence

from actors.control.control import Control
from actors.control.documents import of_history
from events.entry_json import to_document
from events.journal import CorruptEntry
from events.names import CallId
from events.records import Recorded
from events.values import value
from gateways.mi.calls import CALL_ID, COUNT, count_of, not_known
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods
from gateways.mi.parameters import Arguments, Parameter, as_number, as_switch
from replay.history.redact import without_keys

AFTER = Parameter("after", as_number, optional=True)
SECRETS = Parameter("secrets", as_switch, optional=True)


@value
class _Part:
    """Some entries of a call, and why they are not whole, or none can be read after them; "" if all is well.

    begun: when the call's first entry was written, ms since the epoch.
    """

    entries: Sequence[Recorded]
    unreadable: str = ""
    begun: int | None = None


class HistoryMethods:
    """Reads the histories of the whole cluster's calls."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        recipes = ((CALL_ID, AFTER, COUNT, SECRETS),)
        for name, words, handler in (
            ("rtp_relay:history", "Shows the events of a call.", self._history),
            ("rtp_relay:entries", "Gives the entries of a call as they can be read again.", self._entries),
        ):
            methods.add(Method(name, words, handler, recipes, changes=lambda given: bool(given.get("secrets"))))

    async def _history(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        """Return events above a version; `last` is set if more may follow, `unreadable` why that is not all."""
        part = await self._wanted(given)
        events = of_history(part.entries, secrets=given.get("secrets", False), start=part.begun)
        return {"call_id": given["callid"], "events": events, **_rest(part, count_of(given))}

    async def _entries(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        """Return entries above a version as `events.entry_json` has them; the rest as `_history` does."""
        part = await self._wanted(given)
        told = part.entries if given.get("secrets", False) else map(without_keys, part.entries)
        return {"call_id": given["callid"], "entries": list(map(to_document, told)), **_rest(part, count_of(given))}

    async def _wanted(self, given: Arguments) -> _Part:
        call_id, after, count = CallId(given["callid"]), _after(given), count_of(given)
        part = await self._part(call_id, after, count)
        first = await self._part(call_id, 0, 1) if after else part
        if not first.entries and not first.unreadable:
            raise not_known(given)
        return _Part(part.entries, part.unreadable, first.entries[0].at if first.entries else None)

    async def _part(self, call_id: CallId, after: int, count: int) -> _Part:
        try:
            return _Part(await self._control.history(call_id, after, count))
        except CorruptEntry as error:
            return _Part([entry for entry in error.before if entry.version > after][:count], str(error))


def _rest(part: _Part, count: int) -> dict[str, Json]:
    more: dict[str, Json] = {"last": part.entries[-1].version} if len(part.entries) == count else {}
    return more | ({"unreadable": part.unreadable} if part.unreadable else {})


def _after(given: Arguments) -> int:
    after: int = given.get("after", 0)
    if after < 0:
        raise MiError(400, "Bad version", f"{after}: expected 0 or more")
    return after
