"""The routing: a script's functions, called one message at a time; or what is done without a script."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeAlias

from gateways.sip.script.branch_views import Branch, Failure, Local, Reply
from gateways.sip.script.decisions import NO_FUNCTION, Decision
from gateways.sip.script.events import On
from gateways.sip.script.loading import Functions, ScriptError, line_in, load, words
from gateways.sip.script.message import MessageView, attempt, uri_from
from gateways.sip.script.views import DecidingView, Request, decision_of

__all__ = ["DefaultScript", "Routing", "Script", "ScriptError", "ScriptFailure"]

Function: TypeAlias = Callable[..., object]

_OWN = {On.BRANCH: "on_branch", On.REPLY: "on_reply", On.FAILURE: "on_failure"}
"""What a request calls its own functions for events."""


class ScriptFailure(Exception):
    """A script function failed; what it had done is undone. `line` is the script's own, 0 if none is to blame."""

    def __init__(self, path: Path, line: int, text: str, event: str) -> None:
        super().__init__(f"{path}:{line}: on_{event}: {text}")
        self.path, self.line, self.text, self.event = path, line, text, event


class Routing(Protocol):
    """Decides where requests go, and changes messages on their way. All but CancelledError is a ScriptFailure."""

    def handles(self, event: On, request: Request) -> bool:
        """Return whether anything is done at an event of a request: if not, no view needs to be made for it."""

    async def request(self, view: Request) -> Decision:
        """Decide about a request that came."""

    async def branch(self, view: Branch) -> None:
        """Change a branch before it leaves; `view.dropped` says that it is not to."""

    async def reply(self, view: Reply) -> None:
        """Change a branch's response before it goes back; `view.dropped` says that it is not to."""

    async def failure(self, view: Failure) -> Decision:
        """Decide about a request of which all branches have failed; Undecided lets the best response go back."""

    async def local(self, view: Local) -> None:
        """Change a request of our own before it leaves."""


class Script:
    """A routing script. `module` has all that it defines, so the route engine's functions, too."""

    def __init__(self, path: Path, module: ModuleType, functions: Functions, timeout: float) -> None:
        self.path, self.module = path, module
        self._functions, self._timeout = functions, timeout

    @classmethod
    def load(cls, path: Path, *, timeout: float = 10.0) -> Script:
        """Run a script's file; an `async def` may take `timeout` seconds. Raises ScriptError, which has the line."""
        module, functions = load(path)
        return cls(path, module, functions, timeout)

    async def request(self, view: Request) -> Decision:
        """Run on_request, and return its decision."""
        return await self._decide(On.REQUEST, self._functions.get(On.REQUEST), view)

    def handles(self, event: On, request: Request) -> bool:
        """Return whether a function is registered for an event, or the request has its own."""
        return self._function(event, request) is not None

    async def branch(self, view: Branch) -> None:
        """Call on_branch, or the request's own."""
        await self._call(On.BRANCH, self._function(On.BRANCH, view.request), view)

    async def reply(self, view: Reply) -> None:
        """Call on_reply, or the request's own."""
        await self._call(On.REPLY, self._function(On.REPLY, view.request), view)

    async def failure(self, view: Failure) -> Decision:
        """Run on_failure, or the request's own function, and return its decision."""
        return await self._decide(On.FAILURE, self._function(On.FAILURE, view.request), view)

    async def local(self, view: Local) -> None:
        """Call on_local."""
        await self._call(On.LOCAL, self._functions.get(On.LOCAL), view)

    def _function(self, event: On, request: Request) -> Function | None:
        own = _OWN.get(event)
        return (own and getattr(request, own)) or self._functions.get(event)

    async def _decide(self, event: On, function: Function | None, view: DecidingView) -> Decision:
        if function is None:
            return NO_FUNCTION
        try:
            await self._call(event, function, view)
        finally:
            decision = decision_of(view)
        return decision

    async def _call(self, event: On, function: Function | None, view: MessageView) -> None:
        if function is None:
            return
        try:
            with attempt(view):
                result = function(view)
                if inspect.isawaitable(result):
                    await self._in_time(result)
        except (Exception, SystemExit) as error:
            raise ScriptFailure(self.path, line_in(self.path, error), words(error), event) from error

    async def _in_time(self, result: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await result
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"it took longer than {self._timeout:g} s") from error
            raise


class DefaultScript:
    """What is done without a script: a relay for each call, and requests go where their Request-URI says.

    engine: "" for no relay. next_hop: a URI; requests outside dialogs are sent there instead.
    """

    def __init__(self, engine: str = "", set: str = "default", next_hop: str | None = None) -> None:  # noqa: A002
        """Make it. Raises RoutingError for a next hop that is no URI."""
        self._engine, self._set, self._next_hop = engine, set, next_hop
        if next_hop is not None:
            uri_from(next_hop)

    async def request(self, view: Request) -> Decision:
        """Engage a relay for a new call, and relay the request."""
        if view.method == "INVITE" and not view.has_totag and self._engine:
            view.rtp_relay_engage(self._engine, self._set)
        view.relay(None if view.has_totag or (view.method == "OPTIONS" and view.is_for_proxy) else self._next_hop)
        return decision_of(view)

    def handles(self, event: On, request: Request) -> bool:  # noqa: ARG002
        """Return False: messages are left as they are."""
        return False

    async def branch(self, view: Branch) -> None:
        """Leave a branch as it is."""

    async def reply(self, view: Reply) -> None:
        """Leave a response as it is."""

    async def failure(self, view: Failure) -> Decision:  # noqa: ARG002
        """Send the best response back."""
        return NO_FUNCTION

    async def local(self, view: Local) -> None:
        """Leave a request of our own as it is."""
