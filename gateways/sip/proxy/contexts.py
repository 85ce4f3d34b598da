"""All requests in work, and whether there is room for more."""

from __future__ import annotations

import asyncio

from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.proxy.backlog import Backlog
from gateways.sip.proxy.context import Context
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.transactions.users import ServerTransaction


class Contexts:
    """The contexts of requests in work. closing: no dialogs are to begin any more."""

    def __init__(self, settings: ProxySettings, backlog: Backlog) -> None:
        self.closing = False
        self._settings, self._backlog = settings, backlog
        self._contexts: dict[int, Context] = {}  # by the id of the server transaction, which the context keeps alive
        self._setups: set[Context] = set()  # those of initial INVITEs of which no branch has left
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._contexts)

    @property
    def setups(self) -> int:
        """How many initial INVITEs have not left yet."""
        return len(self._setups)

    def has_room_for(self, incoming: IncomingRequest) -> bool:
        """Whether a request may be taken. Those within a dialog always may."""
        if incoming.to_tag:
            return True
        if self.closing or self._backlog.stands or len(self._contexts) >= self._settings.max_contexts:
            return False
        return incoming.method != "INVITE" or len(self._setups) < self._settings.max_setups

    def find(self, transaction: ServerTransaction) -> Context | None:
        """Return the context of a request, None if it is not in work any more."""
        return self._contexts.get(id(transaction))

    def add(self, context: Context) -> None:
        """Record that a request is in progress."""
        self._contexts[id(context.transaction)] = context
        self._empty.clear()
        if context.arrival.request.method == "INVITE" and not context.arrival.incoming.to_tag:
            self._setups.add(context)

    def has_left(self, context: Context) -> None:
        """Record that a branch of a request was sent."""
        self._setups.discard(context)

    def finished(self, context: Context) -> None:
        """Forget a request that has its final response, and whose branches have ended."""
        self._setups.discard(context)
        if self._contexts.pop(id(context.transaction), None) and not self._contexts:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until no request is in work."""
        await self._empty.wait()

    def abort(self) -> None:
        """Forget all requests."""
        for context in self._contexts.values():
            context.abort()
        self._contexts.clear()
        self._setups.clear()
        self._empty.set()
