"""Decides where requests go: asks the script, and gives each request what it needs for its way."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sipmessage import Response

from gateways.sip.calls.relays import CallRelays, Snapshot
from gateways.sip.calls.settings import CallSettings
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import Answer, Arrival, Forwarding, RefusalError, Target
from gateways.sip.routing.in_dialog import InDialog
from gateways.sip.routing.journey import Journey, failed
from gateways.sip.routing.new_call import NewCall
from gateways.sip.routing.sides import MARK, CallSide, EndedCall, NoCall
from gateways.sip.routing.strays import Strays
from gateways.sip.script.decisions import Decision, Drop, Relay, Undecided
from gateways.sip.script.script import Routing, ScriptFailure
from gateways.sip.script.views import Request as RequestView
from replay.relay import CALLER

log = structlog.get_logger(bounded=True)

DIALOG_MAKERS = ("INVITE", "SUBSCRIBE", "REFER", "NOTIFY")
"""Methods that make dialogs, so that we want to be in their routes (RFC 3261 12.1, RFC 6665 4.4)."""


class CallRouter:
    """A Router (gateways.sip.proxy.hooks). `routing` may be set anew at any time: requests on their way keep theirs."""

    _dialogs: DialogRequests

    def __init__(self, routing: Routing, calls: CallRelays) -> None:
        self.routing = routing
        self._calls = calls
        self._strays = Strays(calls)

    def open(self, dialogs: DialogRequests) -> None:
        """Begin; `dialogs` ends those that nobody hears of."""
        self._dialogs = dialogs

    async def route(self, arrival: Arrival) -> Forwarding | Answer | None:
        """Ask the script, and send the request on its way."""
        call = await self._look(arrival)
        settings = CallSettings(call.relay, call.variables)
        view = RequestView(arrival, settings, sender=call.leg(arrival.incoming.from_tag) if call.known else CALLER)
        routing = self.routing
        try:
            decision = await routing.request(view)
        except ScriptFailure as failure:
            raise failed(failure, arrival.incoming.call_id) from failure
        decision = _settled(decision, arrival)
        if isinstance(decision, Relay):
            journey = Journey(routing, view, self._side(arrival, settings, call), self._dialogs)
            return Forwarding(decision.targets, journey, _record_route(arrival))
        if isinstance(decision, Answer):
            return Answer(decision.code, decision.phrase or phrase_of(decision.code), decision.headers)
        return None

    async def knows(self, arrival: Arrival) -> bool:
        """Tell whether the journal knows a request's dialog, and that it has not ended."""
        incoming, call = arrival.incoming, await self._look(arrival)
        tags = {tag for _leg, tag in call.parties}
        return not call.ended and {incoming.from_tag, incoming.to_tag} <= tags

    async def stray(self, response: IncomingResponse) -> Response | None:
        """Take a response whose transaction this control node does not have: another one may have begun it."""
        return await self._strays.take(response)

    async def _look(self, arrival: Arrival) -> Snapshot:
        """Look at the call of a request in a dialog: of one that came by our mark, or past our Route altogether."""
        if not arrival.incoming.to_tag or (arrival.ours is not None and MARK not in arrival.ours):
            return Snapshot()
        incoming = arrival.incoming
        try:
            return await self._calls.find(incoming.call_id, incoming.from_tag, incoming.to_tag)
        except RefusalError:
            if incoming.method != "BYE":
                raise
        return Snapshot(ended=True)  # a call that is to end ends between its parties, whatever ails us

    def _side(self, arrival: Arrival, settings: CallSettings, call: Snapshot) -> CallSide:
        incoming = arrival.incoming
        if incoming.to_tag and call.known:
            return InDialog(self._calls, incoming, settings, call)
        if incoming.to_tag:
            return EndedCall() if call.ended else NoCall()
        return NewCall(self._calls, arrival, settings) if incoming.method == "INVITE" else NoCall()


def _settled(decision: Decision, arrival: Arrival) -> Relay | Answer | Drop:
    """Give what is done where the script decided nothing: a dialog's requests go their way, others nowhere."""
    if not isinstance(decision, Undecided):
        return decision
    if arrival.incoming.to_tag:
        return Relay([Target(arrival.request.uri)])
    log.error("routing script did not decide", why=decision.why, call_id=arrival.incoming.call_id)
    return Answer(500, "The routing script did not decide") if arrival.answerable else Drop()


def _record_route(arrival: Arrival) -> Mapping[str, str | None] | None:
    incoming = arrival.incoming
    if incoming.to_tag or incoming.method not in DIALOG_MAKERS:
        return None
    return {MARK: None} if incoming.method == "INVITE" else {}
