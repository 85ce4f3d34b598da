"""A request within a call's dialog, and its responses, as the call sees them."""

from __future__ import annotations

import re

from sipmessage import Response

from actors.commands.sip import PartyFacts
from actors.results import Observed
from gateways.sip.addresses import Hop
from gateways.sip.calls import facts
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.incoming import IncomingRequest, Message
from gateways.sip.proxy.hooks import ProxyBranch
from gateways.sip.routing.sides import WITHOUT_SDP, must_be_heard, refuse_offers, with_sdp_of
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Remedy, SipMessage
from replay.relay_settings import CALLEE, CALLER

NEGOTIATING = ("INVITE", "UPDATE", "PRACK")
"""Methods whose responses matter to offer and answer."""

REFRESHING = ("INVITE", "UPDATE")
"""Methods that give a dialog's remote target anew (RFC 3261 12.2, RFC 3311 4)."""

LOST = "an answer could not be relayed"
"""Why a dialog is ended of which one side has accepted an offer, and the other one cannot be told."""

_RACK = re.compile(r"(\s*\d{1,10}\s+)(\d{1,10})(\s+\S+\s*)")
"""The RSeq, the CSeq number and the method that a PRACK acknowledges (RFC 3262 7.2)."""


class InDialogRequest:
    """The side of a request in a dialog that the call knows."""

    def __init__(
        self, calls: CallClient, incoming: IncomingRequest, settings: CallSettings, call: CallSnapshot
    ) -> None:
        self._calls, self._incoming, self._settings, self._call = calls, incoming, settings, call
        self._leg = call.leg(incoming.from_tag)
        self._event = facts.request_event(incoming, from_caller=self._leg == CALLER)
        self._accepted: dict[bytes | None, Observed] = {}
        self._is_over = False  # the dialog was not there any more when the request was answered
        self._is_open = False  # the call took the request, and knows of no final response to it

    async def leaves(self, branch: ProxyBranch) -> Observed:
        """Relay the request's offer or answer, and set the CSeq that it is to have beyond us."""
        if self._call.ended:
            refuse_offers(branch.request)
        event = self._event = with_sdp_of(self._event, branch.request)
        if event.method == "ACK" and event.sdp is None and event.callee_tag not in self._call.unacknowledged:
            self._renumber(branch.request, self._call.shift(self._leg, event.callee_tag, event.cseq))
            return WITHOUT_SDP
        seeing = await self._signal(event, branch.request, self._incoming.hop)
        self._is_open = self._event.method in NEGOTIATING and not seeing.fault
        self._renumber(branch.request, seeing.shift)
        if event.method == "ACK" and event.sdp is None and not seeing.unheard:
            return WITHOUT_SDP  # nor does it bring anything that nobody can read
        return must_be_heard(seeing, self._incoming)

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:
        """Relay the response's answer, and restore the CSeq that its request came with."""
        return await self.answered_from(branch.source, response)

    async def answered_from(self, source: Hop | None, response: Response) -> Observed:
        """Do that for a response that came from there; None for one that the proxy made."""
        response.headers.set("CSeq", f"{self._incoming.cseq} {self._incoming.method}")
        event = facts.response_event(self._event, response)
        negotiates = event.method in NEGOTIATING and (response.code >= 200 or event.reliable)
        if event.sdp is None and not negotiates:
            return WITHOUT_SDP
        accepted = 200 <= response.code < 300
        seeing = self._accepted.get(event.sdp) if accepted else None
        if seeing is None:
            seeing = await self._signal(event, response, source)
            self._is_open = self._is_open and response.code < 200
            self._is_over = seeing.remedy is Remedy.REFUSE
        if accepted and not seeing.error:
            self._accepted[event.sdp] = seeing
        return seeing

    async def refused(self, branch: ProxyBranch, response: Response) -> None:  # noqa: ARG002
        """Report it to the call: a request that has its final response is in nobody's way any more (RFC 3261 14.1)."""
        if self._is_open:
            self._is_open = False
            await self._signal(facts.response_event(self._event, response), response, None)

    async def abandoned(self, response: Response) -> bool:  # noqa: ARG002
        """End the dialog for both: one side has accepted what the other one is told has failed."""
        ends = self._event.method in REFRESHING
        if ends and not self._is_over:
            await self._calls.end_dialog(self._call.name, self._event.callee_tag, LOST)
        return ends

    async def given_up(self) -> None:
        """Do nothing: the response that failed it was seen."""

    async def cancelled(self) -> None:
        """Do nothing: its final response tells."""

    async def _signal(self, event: SipMessage, message: Message, source: Hop | None) -> Observed:
        return await self._calls.signal(
            self._call.name,
            event,
            source=source.host if source else "",
            changes=self._settings.take(),
            party=self._refreshed(event, message, source),
            expires=facts.session_expires(message) if isinstance(message, Response) else 0,
        )

    def _refreshed(self, event: SipMessage, message: Message, source: Hop | None) -> PartyFacts | None:
        """Return how the sender is reached from now on, if the message tells."""
        tag = self._incoming.to_tag if isinstance(message, Response) else self._incoming.from_tag
        leg = CALLER if event.from_caller else CALLEE
        known = self._call.parties.get((leg, tag))
        fails = isinstance(message, Response) and message.code >= 300
        if source is None or known is None or fails or event.method not in REFRESHING:
            return None
        return facts.party_again(message, source, leg, tag, known)

    def _renumber(self, message: Message, shift: int) -> None:
        """Add to the request's CSeq what requests of our own have taken, and to the one that a PRACK names."""
        if not shift:
            return
        message.headers.set("CSeq", f"{self._event.cseq + shift} {self._event.method}")
        found = _RACK.fullmatch(message.headers.get("RAck") or "")
        if found:
            named = int(found[2]) + self._call.shift(self._leg, self._event.callee_tag, int(found[2]))
            message.headers.set("RAck", f"{found[1]}{named}{found[3]}")
