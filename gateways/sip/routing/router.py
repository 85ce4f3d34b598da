"""Decides where requests go: asks the script, and gives each request what it needs for its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from sipmessage import URI

from actors.results import Refused
from engines.set_names import BY_NAME, SetNames
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.refusals import refusal
from gateways.sip.calls.settings import CallSettings
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import Answer, Forwarding, ProxyTarget, ReceivedRequest, StrayDecision
from gateways.sip.routing import options
from gateways.sip.routing.access import Access, Gate
from gateways.sip.routing.in_dialog_request import InDialogRequest
from gateways.sip.routing.new_call import NewCall
from gateways.sip.routing.scripted_request import ScriptedRequest, failed
from gateways.sip.routing.sides import UNHEARD, CallSide, EndedCall, NoCall, SilentCall
from gateways.sip.routing.strays import Strays
from gateways.sip.rules.passes import AGAIN, MARK, NOT_TRACKED, way_beyond
from gateways.sip.rules.route_set import recorded_routes
from gateways.sip.script.decisions import Decision, Drop, Forward, Undecided
from gateways.sip.script.script import Routing, ScriptFailure
from gateways.sip.script.views import Request as RequestView
from replay.call_snapshot import CallSnapshot
from replay.relay_settings import CALLER

log = structlog.get_logger(bounded=True)

DIALOG_MAKERS = ("INVITE", "SUBSCRIBE", "REFER", "NOTIFY")
"""Methods that make dialogs, so that we want to be in their routes (RFC 3261 12.1, RFC 6665 4.4)."""


class CallRouter:
    """A Router (gateways.sip.proxy.hooks). `routing` may be set anew at any time: requests on their way keep theirs."""

    _dialogs: DialogRequests

    def __init__(
        self,
        routing: Routing,
        calls: CallClient,
        access: Access | None = None,
        *,
        ready: Callable[[], bool] = lambda: True,
        sets: SetNames = BY_NAME,
    ) -> None:
        """Make it. access: None for anybody's requests. ready: whether something can be done for a call."""
        self._sets = sets
        self.routing = routing
        self.gate = Gate(access or Access())
        self._calls, self._ready = calls, ready
        self._strays = Strays(calls, sets)

    def open(self, dialogs: DialogRequests) -> None:
        """Begin; `dialogs` ends those that nobody hears of."""
        self._dialogs = dialogs
        self._strays.open(dialogs)

    async def route(self, arrival: ReceivedRequest) -> Forwarding | Answer | None:
        """Ask the script, and send the request on its way."""
        found = await self._look(arrival)
        if isinstance(found, Refused) and arrival.incoming.method not in UNHEARD:
            raise refusal(found, arrival.incoming.call_id)
        call = CallSnapshot() if isinstance(found, Refused) else found
        if self.gate.refuses(arrival, known=isinstance(found, Refused) or _is_party(arrival, call)):
            return Answer(403, phrase_of(403)) if arrival.answerable else None
        of_no_call = arrival.incoming.to_tag != "" and not call.parties
        settings = CallSettings(call.relay, call.variables, self._sets, of_no_call=of_no_call)
        view = RequestView(arrival, settings, sender=call.leg(arrival.incoming.from_tag) if call.known else CALLER)
        routing, uri = self.routing, arrival.request.uri
        try:
            decision = await routing.request(view)
        except ScriptFailure as failure:
            raise failed(failure, arrival.incoming.call_id) from failure
        if options.asks_us(arrival) and _stays_here(decision, uri):
            decision = options.answer(ready=self._ready())
        decision = _settled(decision, arrival)
        if isinstance(decision, Forward):
            journey = ScriptedRequest(routing, view, self._side(arrival, settings, found), self._dialogs)
            return Forwarding(decision.targets, journey, _record_route(arrival, settings))
        if isinstance(decision, Answer):
            return Answer(decision.code, decision.phrase or phrase_of(decision.code), decision.headers)
        return None

    async def knows(self, arrival: ReceivedRequest) -> bool:
        """Return whether the journal knows a request's dialog, and that it has not ended."""
        call = await self._look(arrival)
        return not isinstance(call, Refused) and not call.ended and _is_party(arrival, call)

    async def cancels(self, cancel: IncomingRequest) -> bool:
        """Cancel an INVITE whose transaction this control node does not have: another one may have begun it."""
        return await self._strays.cancel(cancel)

    async def stray(self, response: IncomingResponse) -> StrayDecision:
        """Route a response whose transaction this control node does not have: another one may have begun it."""
        return await self._strays.take(response)

    async def _look(self, arrival: ReceivedRequest) -> CallSnapshot | Refused:
        """Look at the call of a request in a dialog: of one that came by our mark, or past our Route altogether."""
        if not arrival.incoming.to_tag or (arrival.ours is not None and MARK not in arrival.ours):
            return CallSnapshot()
        incoming = arrival.incoming
        return await self._calls.find(incoming.call_id, incoming.from_tag, incoming.to_tag)

    def _side(self, arrival: ReceivedRequest, settings: CallSettings, call: CallSnapshot | Refused) -> CallSide:
        incoming = arrival.incoming
        if isinstance(call, Refused):
            return SilentCall(self._calls, incoming, call)
        if incoming.to_tag and call.known:
            return InDialogRequest(self._calls, incoming, settings, call)
        if incoming.to_tag:
            return EndedCall() if call.ended or (call.foreign and _may_be_tracked(arrival)) else NoCall()
        return NewCall(self._calls, arrival, settings) if incoming.method == "INVITE" else NoCall()


def _is_party(arrival: ReceivedRequest, call: CallSnapshot) -> bool:
    """Return whether a request is one of a call's parties to the other."""
    incoming, tags = arrival.incoming, {tag for _leg, tag in call.parties}
    return {incoming.from_tag, incoming.to_tag} <= tags


def _may_be_tracked(arrival: ReceivedRequest) -> bool:
    """Return whether a request's dialog may have begun with a relay, for all that its Route tells."""
    return arrival.ours is None or arrival.ours.get(MARK) != NOT_TRACKED


def _stays_here(decision: Decision, uri: URI) -> bool:
    """Return whether a request for the proxy itself stays with it: the script did not answer, nor say who shall."""
    if isinstance(decision, Forward):
        return all(target.next_hop is None and target.uri == uri for target in decision.targets)
    return isinstance(decision, Undecided)


def _settled(decision: Decision, arrival: ReceivedRequest) -> Forward | Answer | Drop:
    """Return what is done where the script decided nothing: a dialog's requests go their way, others nowhere."""
    if not isinstance(decision, Undecided):
        return decision
    if arrival.incoming.to_tag:
        return Forward([ProxyTarget(arrival.request.uri)])
    log.error("routing script did not decide", why=decision.why, call_id=arrival.incoming.call_id)
    return Answer(500, "The routing script did not decide") if arrival.answerable else Drop()


def _record_route(arrival: ReceivedRequest, settings: CallSettings) -> Mapping[str, str | None] | None:
    incoming = arrival.incoming
    if incoming.to_tag or incoming.method not in DIALOG_MAKERS:
        return None
    if incoming.method != "INVITE":
        return {}
    if not settings.tracked:
        return {MARK: NOT_TRACKED}
    way = way_beyond(recorded_routes(incoming.message), arrival.leads_here)
    return {MARK: AGAIN if way.request_came_before else None}
