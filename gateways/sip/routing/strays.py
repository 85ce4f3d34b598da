"""Responses to INVITEs that another control node sent, which died before they came."""

from __future__ import annotations

from sipmessage import Response

from actors.results import Refused
from actors.setting_values import branch_name
from actors.sip_requests import DialogRequest
from events.names import BranchId
from gateways.sip.calls import facts
from gateways.sip.calls.client import CallClient
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.ids import number_of
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.values import uri_text
from gateways.sip.proxy.hooks import RefusalError
from gateways.sip.routing.sides import INVITE_FAILED, MARK, settle
from gateways.sip.rules.contacts import remote_target
from gateways.sip.rules.route_set import recorded_routes
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLER


class Strays:
    """Takes the responses of calls that the journal knows, so that they come about all the same.

    dialogs: who sends the ACK of a 2xx to an INVITE of our own; None before the door is open.
    """

    def __init__(self, calls: CallClient) -> None:
        self._calls = calls
        self.dialogs: DialogRequests | None = None

    async def take(self, stray: IncomingResponse) -> Response | None:
        """Return the response as it is to be sent on; None if no call waits for it.

        One that has no Via left is to a request of our own, and goes nowhere. If it is a 2xx to an INVITE it gets its
        ACK: without one the party would end the call (RFC 3261 13.3.1.4).
        """
        if not stray.message.headers.get("Via"):
            await self._acknowledge(stray)
            return None
        if stray.method != "INVITE" or stray.status <= 100:
            return None
        call = await self._calls.find(stray.call_id, stray.from_tag, stray.from_tag)
        branch = None if isinstance(call, Refused) else _branch_of(stray, call)
        if isinstance(call, Refused) or branch is None:
            return None
        request = SipMessage("INVITE", True, stray.cseq, branch=branch, from_tag=stray.from_tag)
        event = facts.response_event(request, stray.message)
        if not event.to_tag:  # it makes no dialog that could be ended again (RFC 3261 8.2.6.2)
            return None
        party = facts.party_of_response(stray.message, stray.hop, _recorded(stray.message))
        seeing = await self._calls.signal(
            call.name,
            event,
            source=stray.hop.host,
            party=party if event.to_tag and stray.status < 300 else None,
            expires=facts.session_expires(stray.message),
        )
        try:
            settle(seeing, stray.message)
        except RefusalError:
            return None
        return stray.message if stray.status < 300 or await self._is_last(stray, call) else None

    async def _is_last(self, failure: IncomingResponse, call: CallSnapshot) -> bool:
        """Return whether the call has no other branch that may be answered: it ends then. Else its caller waits."""
        if len(call.trying) > 1:
            return False
        await self._calls.end(call.name, failure.from_tag, INVITE_FAILED)
        return True

    async def _acknowledge(self, stray: IncomingResponse) -> None:
        if self.dialogs is None or stray.method != "INVITE" or not 200 <= stray.status < 300:
            return
        call = await self._calls.find(stray.call_id, stray.from_tag, stray.to_tag)
        leg = call.leg(stray.to_tag) if not isinstance(call, Refused) else None
        party = call.parties.get((leg, stray.to_tag)) if not isinstance(call, Refused) and leg is not None else None
        if leg is None or party is None:
            return
        ack = DialogRequest(
            call_id=stray.call_id,
            to_leg=leg,
            method="ACK",
            cseq=stray.cseq,
            from_value=stray.message.headers.get("From") or "",
            to_value=stray.message.headers.get("To") or "",
            target=remote_target(stray.message, party.contact),
            routes=party.routes,
            local=party.local,
            source=party.source,
        )
        await self.dialogs.acknowledge(ack)


def _branch_of(stray: IncomingResponse, call: CallSnapshot) -> BranchId | None:
    """Return which branch of the call's INVITE a response is of; None if none waits for it, or that cannot be known.

    A 2xx counts whatever became of its branch: it is repeated until its ACK comes, and may cross a CANCEL.
    """
    if (CALLER, stray.from_tag) not in call.parties:
        return None
    number = number_of(stray.branch)
    if number is None:
        return call.trying[0] if len(call.trying) == 1 else None
    branch = branch_name(number)
    return branch if branch in (call.branches if 200 <= stray.status < 300 else call.trying) else None


def _recorded(response: Response) -> int:
    """Return how many Record-Routes stood in the request: from the one of ours that is nearest to the callee on."""
    values = recorded_routes(response)
    ours = next((place for place, value in enumerate(values) if _is_ours(value)), len(values))
    return len(values) - ours


def _is_ours(record_route: str) -> bool:
    return any(parameter.partition("=")[0] == MARK for parameter in uri_text(record_route).split(";"))
