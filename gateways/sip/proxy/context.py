"""The response context of a request (RFC 3261 16.7): its branches, and what its client is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from time import monotonic
from typing import Any, Protocol

from sipmessage import Response

from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.branch import ForkedBranch
from gateways.sip.proxy.dependencies import ProxyDependencies
from gateways.sip.proxy.forwarding import Marks
from gateways.sip.proxy.hooks import Answer, Forwarding, ProxyTarget, ReceivedRequest, RefusalError, RequestHooks
from gateways.sip.proxy.refusals import reason_of, refusal_for, reply_with
from gateways.sip.proxy.responses import best_of, for_client
from gateways.sip.proxy.upstream import Upstream
from gateways.sip.proxy.work_queues import Work, WorkQueue
from gateways.sip.transactions.users import ServerTransaction

_COMPLETED_ELSEWHERE = reason_of(200, "Call completed elsewhere")


class Owner(Protocol):
    """Who keeps contexts."""

    def has_left(self, context: Context) -> None:
        """Record that a branch was sent."""

    def finished(self, context: Context) -> None:
        """Handle, perhaps again, that the client has its final response and all branches have ended."""


class Context:
    """A request in work: routed, forked, and answered.

    Its branches tell what happens to them, each in a work queue of its own; the router and `cancelled` use that of the
    context. So hooks of several queues may be under way at once, and after each await the state can be another one.

    Context, branches and passage know each other. When the request is answered, and neither a transaction nor a queue
    will want them any more, the context forgets the others, so that all of them leave memory at once, without a search
    for cycles.
    """

    passage: RequestHooks
    marks: Marks

    def __init__(
        self,
        means: ProxyDependencies,
        owner: Owner,
        transaction: ServerTransaction,
        arrival: ReceivedRequest,
        fingerprint: str,
    ) -> None:
        self.means, self.transaction, self.arrival = means, transaction, arrival
        self._fingerprint = fingerprint
        self._owner = owner
        self._came_at, self._has_left = monotonic(), False
        self._is_invite = arrival.request.method == "INVITE"
        self._queue = WorkQueue(means.queues)
        self._upstream = Upstream(transaction)
        self._branches: list[ForkedBranch] = []
        self._groups: list[list[ProxyTarget]] = []  # targets of branches to come, those of a group in parallel
        self._open = 0  # branches that have not ended
        self._failures: list[Response] = []
        self._refusals: list[Response] = []  # those of the failures that are our own
        self._is_routed = False  # and has a passage
        self._holds = 0  # transactions and work that may still want something of it
        self._is_finished = False
        self._cancelled = self._closed = False  # closed: there are to be no further branches

    def start(self) -> None:
        """Route the request."""
        self._add(self._route)

    def cancel(self, reason: str) -> None:
        """Cancel the branches: the client gives up (16.10). reason: for the CANCELs of the branches."""
        if self._cancelled or self._upstream.status:
            return
        self._cancelled = True
        self.means.counters.cancelled += 1
        self._close(reason)
        self._add(self._tell_of_cancel)

    def hold(self) -> None:
        """Count something under way that will need the context: a transaction, or queued work."""
        self._holds += 1

    def release(self) -> None:
        """Count the end of something that `hold` counted."""
        self._holds -= 1
        if self._is_finished and not self._holds:
            self._branches.clear()
            if self._is_routed:
                self._is_routed = False
                del self.passage

    def _add(self, work: Work, *args: Any) -> None:
        self.hold()
        self._queue.add(self._do, work, *args)

    async def _do(self, work: Work, *args: Any) -> None:
        try:
            await work(*args)
        except Exception as error:
            await self._failed(error)
        finally:
            self.release()

    def abort(self) -> None:
        """Forget all about it."""
        for branch in self._branches:
            branch.abort()

    # -- forking (16.5, 16.6) --

    async def _route(self) -> None:
        decision = await self.means.router.route(self.arrival)
        if isinstance(decision, Forwarding):
            self.passage, self._is_routed = decision.passage, True
            self.marks = self._marks(decision.record_route)
            self._plan(decision.targets)
            await self._go_on()
            return
        if isinstance(decision, Answer):
            self._end(decision)
        else:
            self.transaction.drop()
        self._finish()

    def _marks(self, record_route: Mapping[str, str | None] | None) -> Marks:
        others, incoming = self.means.settings.second_record_routes, self.arrival.incoming
        begins_call = incoming.method == "INVITE" and not incoming.to_tag
        return Marks(self._fingerprint, incoming.hop.local, record_route, others, begins_call)

    def _plan(self, targets: Iterable[ProxyTarget]) -> None:
        """Add targets for further branches, if there may be any: those of a higher q first."""
        if not self._closed:
            room = self.means.settings.max_branches - len(self._branches)
            wanted = sorted(targets, key=_q, reverse=True)[:room]
            self._groups.extend(list(group) for _, group in groupby(wanted, _q))

    async def _go_on(self) -> None:
        """Do what is to be done when no branch is open: fork further, or tell the client how it ended."""
        if not self._upstream.status and not self._groups:
            await self._run_out()
        if self._upstream.status:
            self._finish()
        elif self._groups:
            self._fork(self._groups.pop(0))

    def _fork(self, targets: Sequence[ProxyTarget]) -> None:
        first = len(self._branches)
        branches = [ForkedBranch(self, first + number, target) for number, target in enumerate(targets)]
        self._branches += branches
        self._open += len(branches)
        for branch in branches:
            branch.start()

    async def _run_out(self) -> None:
        """Ask for further targets; if there are none, send the best response."""
        if not self._cancelled:
            try:
                self._plan(await self.passage.all_failed(self._best()))
            except Exception as error:
                self._end(self._refusal_for(error, "all_failed"))
        if not self._upstream.status and not self._groups:
            best = self._best()
            is_ours = any(best is refusal for refusal in self._refusals)
            self._upstream.finish(best if is_ours else for_client(best))

    def _best(self) -> Response:
        incoming = self.arrival.incoming.message
        best = best_of(self._failures) if self._failures else reply_to(incoming, 480)
        if self._cancelled and best.code < 600:
            return next((each for each in self._failures if each.code == 487), None) or reply_to(incoming, 487)
        return best

    # -- what branches tell (16.7) --

    def has_left(self) -> None:
        """Record that a branch was sent."""
        if not self._has_left:
            self._has_left = True
            self.means.counters.forwarded(self.arrival.request.method, monotonic() - self._came_at)
        self._owner.has_left(self)

    def progressed(self, response: Response) -> None:
        """Forward a provisional response to the client."""
        self._upstream.progress(response)

    async def ended(self, branch: ForkedBranch, response: Response) -> None:
        """Handle a final response of a branch: the client gets each 2xx at once, others when no 2xx can come."""
        if response.code < 300:
            await self._succeeded(branch, response)
        else:
            self._failures.append(response)
            if response.code >= 600:
                self._close(reason_of(response.code, response.phrase))
        await self._count(branch)

    async def refused(self, branch: ForkedBranch, response: Response, error: Exception) -> None:
        """End the request with what the passage raised for a response; for the repeat of one that went, do nothing."""
        refusal = self._refusal_for(error, "response_came")
        is_success = 200 <= response.code < 300
        if not (is_success and self._upstream.was_told(response)):
            await self._tell_of(branch, reply_with(self.arrival.incoming, refusal), ends_request=True)
            self._end(refusal)
            if is_success:
                await self._abandon(branch, response)
        if response.code >= 200:
            await self._count(branch)

    async def broke(self, branch: ForkedBranch, error: Exception) -> None:
        """Handle the error that ended a branch: a refusal is its response, others end the request."""
        refusal = self._refusal_for(error, "branch_leaves")
        response = reply_with(self.arrival.incoming, refusal)
        await self._tell_of(branch, response, ends_request=refusal is not error)
        if refusal is error:
            self._refusals.append(response)
            await self.ended(branch, response)
        else:
            self._end(refusal)
            await self._count(branch)

    async def _tell_of(self, branch: ForkedBranch, response: Response, *, ends_request: bool) -> None:
        """Report a final response of ours to the hooks: all that are made for a branch that has left pass here."""
        try:
            await self.passage.refused(branch, response, ends_request=ends_request)
        except Exception as error:
            self._refusal_for(error, "refused")

    async def _count(self, branch: ForkedBranch) -> None:
        if not branch.ended:
            branch.ended = True
            self._open -= 1
        if not self._open:
            await self._go_on()

    async def _succeeded(self, branch: ForkedBranch, response: Response) -> None:
        """Pass on a 2xx: the first, and all others that are for an INVITE, unless the client was told of a failure."""
        status = self._upstream.status
        if status >= 300 or self._upstream.was_abandoned(response):
            if self._is_invite:
                await self._abandon(branch, response)
        elif not status or self._is_invite:
            self._upstream.finish(response)
            self._close(_COMPLETED_ELSEWHERE)

    async def _abandon(self, branch: ForkedBranch, response: Response) -> None:
        """End the dialog of a 2xx, once."""
        if self._upstream.was_abandoned(response):
            return
        self._upstream.abandon(response)
        try:
            await self.passage.abandoned(branch, response)
        except Exception as error:
            self._refusal_for(error, "abandoned")

    # -- the end --

    def _end(self, said: Answer | RefusalError) -> None:
        """Answer with something of ours, if there was no final response yet, and stop all branches."""
        self._upstream.end(reply_with(self.arrival.incoming, said))
        self._close(reason_of(said.code, said.phrase))

    def _close(self, reason: str) -> None:
        self._closed = True
        self._groups.clear()
        for branch in self._branches:
            branch.stop(reason)

    async def _tell_of_cancel(self) -> None:
        if self._is_routed:
            await self.passage.cancelled()

    async def _failed(self, error: Exception) -> None:
        """End with what the router raised, or `cancelled`."""
        self._end(self._refusal_for(error, "cancelled" if self._cancelled else "route"))
        if not self._open:
            self._finish()

    def _finish(self) -> None:
        self._is_finished = True
        self._owner.finished(self)

    def _refusal_for(self, error: Exception, what: str) -> RefusalError:
        return refusal_for(error, what, self.arrival.incoming, self.means.counters)


def _q(target: ProxyTarget) -> float:
    return target.q
