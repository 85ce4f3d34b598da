"""An initial INVITE, its branches and their responses, as the call sees them."""

from __future__ import annotations

from dataclasses import replace

from sipmessage import Response

from gateways.sip.calls import facts
from gateways.sip.calls.bodies import sdp_of
from gateways.sip.calls.relays import CallRelays, Seeing
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.values import split_values
from gateways.sip.proxy.hooks import Arrival, Branch
from gateways.sip.routing.sides import AS_IT_IS, WITHOUT_SDP
from replay.negotiation import SipEvent
from replay.relay import CALLER
from replay.settings import branch_name


class NewCall:
    """The side of an INVITE that may become a call. Nothing is told to the call unless its script wants a relay."""

    def __init__(self, calls: CallRelays, arrival: Arrival, settings: CallSettings) -> None:
        self._calls, self._arrival, self._settings = calls, arrival, settings
        self._incoming = arrival.incoming
        self._offers: dict[int, SipEvent] = {}
        self._open: set[int] = set()
        self._dialogs: set[tuple[str, str]] = set()
        self._accepted: dict[tuple[int, str, bytes | None], Seeing] = {}
        self._was_cancelled = False

    async def leaves(self, branch: Branch) -> Seeing:
        """Have the branch's offer relayed."""
        if not self._settings.tracked:
            return AS_IT_IS
        event = replace(
            facts.request_event(self._incoming, from_caller=True, branch=branch_name(branch.index)),
            sdp=sdp_of(branch.request),
        )
        self._offers[branch.index] = event
        self._open.add(branch.index)
        hop = self._incoming.hop
        party = facts.party_of_request(self._arrival.request, hop, CALLER)  # as the script has left it
        return await self._calls.signal(
            self._incoming.call_id, event, source=hop.host, news=self._settings.take(), party=party
        )

    async def answered(self, branch: Branch, response: Response) -> Seeing:
        """Have the branch's answer relayed; let the call know who rings or answered, or that the branch failed."""
        offer = self._offers.get(branch.index)
        if offer is None:
            return AS_IT_IS
        event = facts.response_event(offer, response)
        if response.code < 200 and event.sdp is None and not event.reliable and not self._begins_dialog(event):
            return WITHOUT_SDP
        key = (branch.index, event.to_tag, event.sdp)
        seeing = self._accepted.get(key)  # a 2xx is repeated until its ACK comes
        if seeing is None:
            seeing = await self._tell(branch, response, event)
            if 200 <= response.code < 300 and not seeing.error:
                self._accepted[key] = seeing
        if response.code >= 300:
            await self._branch_failed(branch.index)
        else:
            self._settings.learn(event.to_tag, event.branch)
            self._dialogs.add((event.branch, event.to_tag))
        return seeing

    def _begins_dialog(self, event: SipEvent) -> bool:
        """Tell whether it is the first response with this tag: requests may come in its early dialog from then on."""
        return bool(event.to_tag) and (event.branch, event.to_tag) not in self._dialogs

    async def _tell(self, branch: Branch, response: Response, event: SipEvent) -> Seeing:
        party = None
        if branch.source is not None and response.code < 300 and event.to_tag:
            recorded = len(split_values(branch.request.headers.getlist("Record-Route")))
            party = facts.party_of_response(response, branch.source, recorded)
        return await self._calls.signal(
            self._incoming.call_id,
            event,
            source=branch.source.host if branch.source else "",
            news=self._settings.take(),
            party=party,
            expires=facts.session_expires(response),
        )

    async def _branch_failed(self, index: int) -> None:
        self._open.discard(index)
        if self._was_cancelled and not self._open:
            await self._end("cancelled")

    async def given_up(self) -> None:
        """End the call: no branch is left that could answer it."""
        await self._end("the INVITE failed")

    async def cancelled(self) -> None:
        """Let the call know; its branches fail one by one."""
        if not self._offers or self._accepted:
            return
        self._was_cancelled = True
        event = facts.request_event(self._incoming, from_caller=True)
        await self._calls.signal(
            self._incoming.call_id, replace(event, method="CANCEL", sdp=None), source=self._incoming.hop.host
        )
        if not self._open:
            await self._end("cancelled")

    async def _end(self, why: str) -> None:
        if self._offers and not self._accepted:
            await self._calls.end(self._incoming.call_id, self._incoming.from_tag, why)
