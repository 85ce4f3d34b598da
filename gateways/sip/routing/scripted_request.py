"""A request on its way: the script's events, and then the call's side of it, for each message in turn."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sipmessage import Response

from events.names import CallId
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import Answer, ProxyBranch, ProxyTarget, RefusalError
from gateways.sip.routing.sides import CallSide, settle
from gateways.sip.script.branch_views import Branch as BranchView
from gateways.sip.script.branch_views import Failure as FailureView
from gateways.sip.script.branch_views import Reply as ReplyView
from gateways.sip.script.decisions import Forward
from gateways.sip.script.events import On
from gateways.sip.script.script import Routing, ScriptFailure
from gateways.sip.script.views import Request as RequestView

log = structlog.get_logger(bounded=True)

DROPPED = (480, "Not Tried")


class ScriptedRequest:
    """The RequestHooks of a scripted request: `routing` as it was when the request came, whatever is loaded later."""

    def __init__(self, routing: Routing, view: RequestView, side: CallSide, dialogs: DialogRequests) -> None:
        self._routing, self._view, self._side, self._dialogs = routing, view, side, dialogs
        self._branches: dict[int, BranchView] = {}
        self._statuses: dict[int, int] = {}

    async def branch_leaves(self, branch: ProxyBranch) -> None:
        """Apply the script to the branch, and relay its offer."""
        if self._routing.handles(On.BRANCH, self._view):
            await self._apply_to_branch(self._view_of(branch), branch)
        try:
            settle(await self._side.leaves(branch), branch.request)
        except RefusalError as refusal:
            raise self._not_sent(branch, refusal) from None

    async def _apply_to_branch(self, view: BranchView, branch: ProxyBranch) -> None:
        try:
            await self._routing.branch(view)
        except ScriptFailure as failure:
            raise self._not_sent(branch, failed(failure, CallId(self._view.call_id))) from failure
        if view.dropped:
            raise self._not_sent(branch, RefusalError(*DROPPED))

    def _view_of(self, branch: ProxyBranch) -> BranchView:
        """Return the script's view of a branch, made when it is first wanted."""
        view = self._branches.get(branch.index)
        if view is None:
            view = self._branches[branch.index] = BranchView(branch, self._view)
        return view

    def _not_sent(self, branch: ProxyBranch, refusal: RefusalError) -> RefusalError:
        self._statuses[branch.index] = refusal.code
        return refusal

    async def response_came(self, branch: ProxyBranch, response: Response) -> Response | None:
        """Apply the script to the response, and relay its answer."""
        if response.code == 100:
            return response
        if response.code >= 200:
            self._statuses[branch.index] = response.code
        if self._routing.handles(On.REPLY, self._view) and await self._drops(branch, response):
            return None
        settle(await self._side.answered(branch, response), response)
        return response

    async def _drops(self, branch: ProxyBranch, response: Response) -> bool:
        """Apply the script to a response; return whether it is not to go on."""
        view = ReplyView(response, self._view_of(branch))
        try:
            await self._routing.reply(view)
        except ScriptFailure as failure:
            raise failed(failure, CallId(self._view.call_id)) from failure
        return view.dropped

    async def refused(self, branch: ProxyBranch, response: Response, *, ends_request: bool) -> None:
        """Report a final response of ours to the call."""
        await self._side.refused(branch, response)
        if ends_request:
            await self._side.given_up()

    async def abandoned(self, branch: ProxyBranch, response: Response) -> None:
        """Acknowledge a 2xx that nobody upstream will hear of, and end its dialog, unless the call does."""
        call_ends_it = await self._side.abandoned(response)
        if branch.request.method == "INVITE":
            await self._dialogs.abandon(branch.request, response, branch.source, ends=not call_ends_it)

    async def all_failed(self, best: Response) -> Sequence[ProxyTarget]:
        """Ask the script for further targets."""
        try:
            decision = await self._routing.failure(FailureView(self._view, best, self._statuses))
        except ScriptFailure as failure:
            await self._side.given_up()
            raise failed(failure, CallId(self._view.call_id)) from failure
        if isinstance(decision, Forward):
            return decision.targets
        await self._side.given_up()
        if isinstance(decision, Answer):
            raise RefusalError(decision.code, decision.phrase or phrase_of(decision.code), decision.headers)
        return ()

    async def cancelled(self) -> None:
        """Report it to the call."""
        await self._side.cancelled()


def failed(failure: ScriptFailure, call_id: CallId) -> RefusalError:
    """Log what went wrong in the script, and give the response that its request gets."""
    log.error(
        "routing script failed",
        script=str(failure.path),
        line=failure.line,
        during=f"on_{failure.event}",
        error=failure.text,
        call_id=call_id,
    )
    return RefusalError(500, phrase_of(500))
