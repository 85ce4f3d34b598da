"""Responses to requests that another control node sent, which died before they came."""

from __future__ import annotations

from dataclasses import replace

from sipmessage import URI, Request, Response

from actors.results import Observed, Refused
from actors.setting_values import branch_name
from engines.set_names import SetNames
from events.names import BranchId
from gateways.sip.addresses import bracketed
from gateways.sip.calls import facts
from gateways.sip.calls.client import CallClient
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.ids import number_of
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.making import request_of
from gateways.sip.messages.values import uri_text
from gateways.sip.proxy.hooks import RefusalError, StrayDecision
from gateways.sip.proxy.responses import for_client
from gateways.sip.routing.dialog_strays import DROPPED, DialogStrays, first_uri, refused_as
from gateways.sip.routing.in_dialog_request import REFRESHING
from gateways.sip.routing.sides import ANSWERED_ELSEWHERE, CANCELLED, INVITE_FAILED, settle
from gateways.sip.rules.passes import MARK
from gateways.sip.rules.route_set import recorded_routes
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Change, Fault, SipMessage
from replay.relay_settings import CALLEE, CALLER


class Strays:
    """Takes the responses of calls that the journal knows, so that they come about all the same."""

    def __init__(self, calls: CallClient, sets: SetNames) -> None:
        self._calls = calls
        self._in_dialogs = DialogStrays(calls, sets)

    def open(self, dialogs: DialogRequests) -> None:
        """Begin; `dialogs` sends the ACK of a 2xx to an INVITE of our own."""
        self._in_dialogs.dialogs = dialogs

    async def take(self, stray: IncomingResponse) -> StrayDecision:
        """Decide whether a response is sent on, because a call waits for it, and whether it gets an ACK of ours.

        One that has no Via left is to a request of our own, and goes nowhere. If it is final, and to an INVITE, it gets
        its ACK: without one the party would repeat it, and end the call for a 2xx (RFC 3261 13.3.1.4).
        """
        if stray.method not in REFRESHING or stray.status <= 100:
            return DROPPED
        is_invite = stray.method == "INVITE"
        if not stray.message.headers.get("Via"):
            return await self._in_dialogs.to_ours(stray) if is_invite else DROPPED
        number = number_of(stray.branch)
        if number is None or not is_invite:
            return await self._in_dialogs.to_theirs(stray)
        return await self._to_initial(stray, branch_name(number))

    async def cancel(self, cancel: IncomingRequest) -> bool:
        """Cancel the INVITE of a call that rings, by ending its early dialogs. Return whether that could be done.

        Of the INVITEs that went to callees nobody knows the branch any more, so that no CANCEL can be sent. It has to
        come from where the INVITE came from: that it knows the branch that the INVITE had, nobody can tell here.
        """
        call = await self._calls.find(cancel.call_id, cancel.from_tag, cancel.from_tag)
        caller = None if isinstance(call, Refused) else call.parties.get((CALLER, cancel.from_tag))
        if isinstance(call, Refused) or caller is None or call.ended or call.answered or call.invite != cancel.cseq:
            return False
        if _host_of(caller.source) != bracketed(cancel.hop.host):
            return False
        if not await self._calls.end_early(call.name, cancel.from_tag, cancel.cseq, CANCELLED):
            return False
        event = SipMessage("CANCEL", True, cancel.cseq, from_tag=cancel.from_tag)
        await self._calls.signal(call.name, event, source=cancel.hop.host)
        return True

    async def _to_initial(self, stray: IncomingResponse, branch: BranchId) -> StrayDecision:
        """Decide about a response to the INVITE that began a call, of that branch.

        A final one counts whatever became of its branch: it is repeated until its ACK comes, and may cross a CANCEL.
        """
        call = await self._calls.find(stray.call_id, stray.from_tag, stray.from_tag)
        if isinstance(call, Refused) or call.callers_tag != stray.from_tag:
            return DROPPED
        if stray.status >= 300:
            return await self._failed(stray, call, branch)
        may_come = branch in (call.branches if stray.status >= 200 else call.trying)
        if not may_come or not stray.to_tag:  # it makes no dialog that could be ended again (RFC 3261 8.2.6.2)
            return DROPPED
        seeing = await self._tell(stray, call, branch)
        try:
            settle(seeing, stray.message)
        except RefusalError as refusal:
            is_told = any(tag == stray.to_tag for _leg, tag in call.reinvites)  # it comes again
            if stray.status < 200 or seeing.unheard or is_told:
                return DROPPED
            await self._end_dialog(stray, call.name, ends=seeing.fault is not Fault.ENDED)
            return await self._gives_up(stray, call, branch, refusal)
        if stray.status >= 200 and set(call.trying) - {branch}:
            await self._calls.end_early(call.name, stray.from_tag, stray.cseq, ANSWERED_ELSEWHERE, spares=True)
        return StrayDecision(goes_on=True)

    async def _end_dialog(self, stray: IncomingResponse, name: str, *, ends: bool) -> None:
        """Acknowledge a 2xx that goes no further, and end its dialog, unless it has crossed a BYE of ours."""
        if ends:
            bye = SipMessage("BYE", True, stray.cseq + 1, from_tag=stray.from_tag, to_tag=stray.to_tag)
            await self._calls.signal(name, bye, source="")
        await self._in_dialogs.abandon(stray, _invite_of(stray.message), ends=ends)

    async def _gives_up(
        self, stray: IncomingResponse, call: CallSnapshot, branch: BranchId, refusal: RefusalError
    ) -> StrayDecision:
        """Tell the caller of an answer that cannot be relayed, and end the call, unless another one may come."""
        waits = set(call.answered) | set(call.trying) - {branch}
        if not waits:
            await self._calls.end(call.name, stray.from_tag, INVITE_FAILED)
        stray.message = refused_as(stray.message, refusal)
        return StrayDecision(goes_on=not waits)

    async def _failed(self, stray: IncomingResponse, call: CallSnapshot, branch: BranchId) -> StrayDecision:
        """Have a branch fail. What has failed, by the journal's word, gets its ACK, as often as it comes.

        The caller is told when no other branch may be answered, and none was; the call has ended then. Of an ended call
        the branches are not known any more; what comes of them now can only be the same again, or has been cancelled.
        """
        acknowledged = StrayDecision(acknowledge=_uri_of(stray, call))
        if call.ended:
            return acknowledged
        if branch not in call.branches or branch in call.answered or stray.cseq != call.invite:
            return DROPPED
        if branch not in call.trying:
            return acknowledged
        seeing = await self._tell(stray, call, branch)
        if seeing.verdict is not None and Change.BRANCH_FAILED not in (seeing.verdict.change, seeing.verdict.again):
            return DROPPED  # the call has become another one meanwhile
        try:
            settle(seeing, stray.message)
        except RefusalError as refusal:
            stray.message = refused_as(stray.message, refusal)
        goes_on = await self._is_last(stray, call)
        stray.message = for_client(stray.message)
        if seeing.unheard:  # nobody has written it down: it is to come again
            return StrayDecision(goes_on=goes_on)
        return replace(acknowledged, goes_on=goes_on)

    async def _tell(self, stray: IncomingResponse, call: CallSnapshot, branch: BranchId) -> Observed:
        request = SipMessage("INVITE", True, stray.cseq, branch=branch, from_tag=stray.from_tag)
        party = facts.party_of_response(stray.message, stray.hop, _recorded(stray.message))
        return await self._calls.signal(
            call.name,
            facts.response_event(request, stray.message),
            source=stray.hop.host,
            party=party if stray.to_tag and stray.status < 300 else None,
            expires=facts.session_expires(stray.message),
        )

    async def _is_last(self, failure: IncomingResponse, call: CallSnapshot) -> bool:
        """Return whether the call has no other branch that may be answered: it ends then. Else its caller waits."""
        if call.answered or len(call.trying) > 1:
            return False
        await self._calls.end(call.name, failure.from_tag, INVITE_FAILED)
        return True


def _invite_of(response: Response) -> Request:
    """Return what the 2xx to an INVITE tells of that as it was sent: what it was to, and who is on its way."""
    headers, recorded = response.headers, _recorded(response)
    values = recorded_routes(response)
    return request_of(
        "INVITE",
        first_uri(uri_text(headers.get("To") or "")) or URI(scheme="sip", host=""),
        b"",
        CopyableHeaders.of(
            [
                ("Record-Route", values[len(values) - recorded :]),
                ("Call-ID", [headers.get("Call-ID") or ""]),
                ("CSeq", [headers.get("CSeq") or ""]),
            ]
        ),
    )


def _uri_of(stray: IncomingResponse, call: CallSnapshot) -> URI | None:
    """Return the Request-URI of the INVITE that has failed, as near to it as is known.

    It is where the callee said that it is, if it rang, else what the INVITE was to. Nobody tells transactions apart by
    it (RFC 3261 17.2.3); it shows a stateless proxy the way.
    """
    callee = call.parties.get((CALLEE, stray.to_tag))
    return first_uri(callee.contact if callee else "", uri_text(stray.message.headers.get("To") or ""))


def _host_of(source: str) -> str:
    """Return the host of where a message came from, as it is journalled."""
    return source.partition(":")[2].rpartition(":")[0]


def _recorded(response: Response) -> int:
    """Return how many Record-Routes stood in the request: from the one of ours that is nearest to the callee on."""
    values = recorded_routes(response)
    ours = next((place for place, value in enumerate(values) if _is_ours(value)), len(values))
    return len(values) - ours


def _is_ours(record_route: str) -> bool:
    return any(parameter.partition("=")[0] == MARK for parameter in uri_text(record_route).split(";"))
