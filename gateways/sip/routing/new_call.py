"""An initial INVITE, its branches and their responses, as the call sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sipmessage import Response

from actors.results import Observed
from actors.setting_values import branch_name
from events.names import CallId
from gateways.sip.calls import facts
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.values import tag_of
from gateways.sip.proxy.hooks import ProxyBranch, ReceivedRequest
from gateways.sip.routing.sides import AS_IT_IS, CANCELLED, INVITE_FAILED, WITHOUT_SDP, must_be_heard, with_sdp_of
from gateways.sip.rules.route_set import recorded_routes
from replay.identity import first_id, id_of_caller
from replay.offer_answer import Fault, SipMessage
from replay.relay_settings import CALLER
from replay.settings_changes import SettingsChange


class NewCall:
    """The side of an INVITE that may become a call. Nothing is told to the call unless its script wants a relay.

    Where another caller's call has the Call-ID, this one has a stream of its own. What the INVITE's failure ends is
    what its own branches made: those that the call took for branches of its INVITE.

    An INVITE that comes by again (a spiral, actors/flows/sip/passes.py) is beyond a branch of the pass before, as at a
    proxy further on: its callees are that branch's, which fails, or is cancelled, in the pass before.
    """

    def __init__(self, calls: CallClient, arrival: ReceivedRequest, settings: CallSettings) -> None:
        self._calls, self._arrival, self._settings = calls, arrival, settings
        self._incoming = arrival.incoming
        self._name = first_id(self._incoming.call_id, self._incoming.from_tag)
        self._set: list[SettingsChange] = []
        self._made: set[int] = set()
        self._offers: dict[int, SipMessage] = {}
        self._open: set[int] = set()
        self._dialogs: set[tuple[str, str]] = set()
        self._accepted: dict[tuple[int, str, bytes | None], Observed] = {}
        self._accepting = asyncio.Lock()  # each 2xx goes on in its turn, however long the relays of others take
        self._was_cancelled = False
        self._is_again = False

    async def leaves(self, branch: ProxyBranch) -> Observed:
        """Relay the branch's offer."""
        return await self._begin(branch) if self._settings.tracked else AS_IT_IS

    async def _begin(self, branch: ProxyBranch) -> Observed:
        came = facts.request_event(self._incoming, from_caller=True, branch=branch_name(branch.index))
        event = with_sdp_of(came, branch.request)
        joins = bool(self._offers)
        self._offers[branch.index] = event
        self._open.add(branch.index)
        seeing = await self._offer(event, joins=joins)
        if seeing.again and seeing.verdict:
            self._is_again = True
            self._offers[branch.index] = replace(event, branch=seeing.verdict.branch)
        elif seeing.verdict and not seeing.fault:
            self._made.add(branch.index)
        return must_be_heard(seeing, self._incoming)

    async def _offer(self, event: SipMessage, *, joins: bool) -> Observed:
        """Report a branch: to the call of the branches before it, else to the first stream that is free for it.

        A call that has ended meanwhile begins anew, with all that the script has set before.
        """
        name, changes = self._name, self._changes()
        seeing = await self._tell_offer(name, event, changes, joins=joins)
        if seeing.fault is Fault.FOREIGN and name != self._name:  # another branch found out
            name = self._name
            seeing = await self._tell_offer(name, event, changes, joins=True)
        for other in self._names() if seeing.fault is Fault.FOREIGN else ():
            if seeing.fault is Fault.FOREIGN and (joins or other != name):
                self._name = CallId(other)
                seeing = await self._tell_offer(other, event, list(self._set), joins=False)
        return seeing

    def _changes(self) -> Sequence[SettingsChange]:
        """Collect what the script has set since the last time."""
        changes = self._settings.take()
        self._set += changes
        return changes

    def _names(self) -> Sequence[str]:
        call_id, tag = self._incoming.call_id, self._incoming.from_tag
        return tuple(dict.fromkeys((first_id(call_id, tag), id_of_caller(call_id, tag))))

    async def _tell_offer(
        self, name: str, event: SipMessage, changes: Sequence[SettingsChange], *, joins: bool
    ) -> Observed:
        hop = self._incoming.hop
        party = facts.party_of_request(  # as the script has left it
            self._arrival.request, hop, CALLER, self._arrival.leads_here
        )
        return await self._calls.signal(name, event, source=hop.host, changes=changes, party=party, joins=joins)

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:
        """Relay the branch's answer; report to the call who rings or answered, or that the branch failed."""
        if not await self._is_known(branch, response):
            return AS_IT_IS
        event = facts.response_event(self._offers[branch.index], response)
        if response.code < 200 and event.sdp is None and not event.reliable and not self._begins_dialog(event):
            return WITHOUT_SDP
        if response.code >= 300 and branch.index not in self._made:
            await self._branch_failed(branch.index)
            return WITHOUT_SDP
        seeing = await (self._accept if 200 <= response.code < 300 else self._tell)(branch, response, event)
        if response.code >= 200:
            self._open.discard(branch.index)
        if response.code >= 300:
            await self._branch_failed(branch.index)
        else:
            self._settings.learn(event.to_tag, event.branch)
            self._dialogs.add((event.branch, event.to_tag))
        return seeing

    def _begins_dialog(self, event: SipMessage) -> bool:
        """Return whether it is the first response with this tag: requests may come in its early dialog from then on."""
        return bool(event.to_tag) and (event.branch, event.to_tag) not in self._dialogs

    async def _is_known(self, branch: ProxyBranch, response: Response) -> bool:
        """Return whether the call knows a branch. It learns of one that left before a relay was engaged for another."""
        if branch.index not in self._offers and response.code < 300 and self._settings.tracked:
            await self._begin(branch)
        return branch.index in self._offers

    async def _accept(self, branch: ProxyBranch, response: Response, event: SipMessage) -> Observed:
        key = (branch.index, event.to_tag, event.sdp)
        seeing = self._accepted.get(key)  # a 2xx is repeated until its ACK comes
        if seeing is None:
            async with self._accepting:
                seeing = await self._tell(branch, response, event)
            if not seeing.error:
                self._accepted[key] = seeing
        return seeing

    async def _tell(self, branch: ProxyBranch, response: Response, event: SipMessage) -> Observed:
        party = None
        if branch.source is not None and response.code < 300 and event.to_tag:
            recorded = len(recorded_routes(branch.request))
            party = facts.party_of_response(response, branch.source, recorded, self._arrival.leads_here)
        return await self._calls.signal(
            self._name,
            event,
            source=branch.source.host if branch.source else "",
            changes=self._changes(),
            party=party,
            expires=facts.session_expires(response),
        )

    async def _branch_failed(self, index: int) -> None:
        self._open.discard(index)
        if self._was_cancelled and not self._open:
            await self._end(CANCELLED)

    async def refused(self, branch: ProxyBranch, response: Response) -> None:
        """Report to the call that the branch failed; one that was answered is given up as a whole."""
        offer = self._offers.get(branch.index)
        if offer is None or branch.index not in self._open:
            return
        if branch.index in self._made:
            await self._tell(branch, response, facts.response_event(offer, response))
        await self._branch_failed(branch.index)

    async def given_up(self) -> None:
        """End the call: no branch is left that could answer it."""
        await self._end(INVITE_FAILED)

    async def abandoned(self, response: Response) -> bool:
        """Report the BYE that the callee gets to the call. Return False: the caller has no dialog to be ended."""
        tag = tag_of(response.headers.get("To") or "")
        if not (self._made or self._is_again) or not tag:
            return False
        invite = facts.request_event(self._incoming, from_caller=True)
        bye = replace(invite, method="BYE", cseq=invite.cseq + 1, to_tag=tag, sdp=None)
        await self._calls.signal(self._name, bye, source=self._incoming.hop.host)
        return False

    async def cancelled(self) -> None:
        """Report it to the call; its branches fail one by one."""
        if not self._offers or self._accepted or self._is_again:
            return
        self._was_cancelled = True
        event = facts.request_event(self._incoming, from_caller=True)
        await self._calls.signal(self._name, replace(event, method="CANCEL", sdp=None), source=self._incoming.hop.host)
        if not self._open:
            await self._end(CANCELLED)

    async def _end(self, why: str) -> None:
        if self._made and not self._accepted:
            await self._calls.end(self._name, self._incoming.from_tag, why)
