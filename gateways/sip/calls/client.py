"""The way from the SIP door to the calls' actors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from actors.commands.reading import ReadCall
from actors.commands.sip import EndDialog, EndEarlyDialogs, EndUnanswered, ObserveSipMessage, PartyFacts
from actors.directory import Directory
from actors.results import Observed, Refused
from engines.refusal import RefusalCode
from events.names import CallId, Tag
from gateways.sip.calls.untold import Item, Unplaced, Untold
from replay.call_snapshot import CallSnapshot
from replay.identity import first_id, id_of_caller
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLER
from replay.settings_changes import SettingsChange

log = structlog.get_logger(bounded=True)

_WAITS = Observed(error=Refused(RefusalCode.NO_JOURNAL, "the call is still to be told of messages before this one"))
"""What is said of a message that goes on, and of which its call will hear when it has heard of those before."""


class CallClient:
    """What the SIP door has of the call actors.

    What ends something, and a call did not hear of, is kept, and told as soon as that can be done.
    """

    def __init__(self, directory: Directory, now: Callable[[], int]) -> None:
        self._directory, self._now = directory, now
        self._untold = Untold(self._tell_again)

    async def close(self) -> None:
        """Stop reporting to calls the messages that they missed."""
        await self._untold.close()

    # -- looking --

    async def find(self, call_id: CallId, from_tag: Tag, to_tag: Tag) -> CallSnapshot | Refused:
        """Look for the call that a message in a dialog is of; without one, see `ended` and `foreign`.

        Another caller's call may have the Call-ID, so that this one's stream has the caller's tag in its name. Where
        nothing can be said of the call, that is not to say that there is none.
        """
        first = CallSnapshot()
        if first_id(call_id, from_tag) == call_id:
            found = await self.snapshot(call_id)
            if isinstance(found, Refused) or not found.name or found.has(from_tag, to_tag):
                return found
            first = found
        for tag in dict.fromkeys((from_tag, to_tag)):
            found = await self.snapshot(id_of_caller(call_id, tag))
            if isinstance(found, Refused) or found.has(from_tag, to_tag):
                return found
        return first.without(from_tag, to_tag)

    async def snapshot(self, name: str) -> CallSnapshot | Refused:
        """Look at a call; an unknown one gives an empty snapshot."""
        result = await self._directory.ask(ReadCall(call_id=CallId(name)))
        return result if isinstance(result, Refused) else result.snapshot

    # -- telling --

    async def signal(
        self,
        name: str,
        event: SipMessage,
        *,
        source: str,
        changes: Sequence[SettingsChange] = (),
        party: PartyFacts | None = None,
        expires: int = 0,
        joins: bool = False,
    ) -> Observed:
        """Report a message, and what the script changed before it, to its call; return what is to stand in the message.

        joins: an INVITE that is a further branch of a call, and begins none.
        """
        command = ObserveSipMessage(
            call_id=CallId(name),
            message=event,
            received_from=source,
            at=self._now(),
            expires=expires,
            joins=joins,
            changes=changes,
            party=party,
        )
        waits = _goes_on_unheard(event) and self._untold.has(name)
        observed = _WAITS if waits else await self._observe(command)
        if observed.unheard and _goes_on_unheard(event):
            self._untold.keep(replace(command, message=replace(event, sdp=None)))
        return observed

    async def _observe(self, command: ObserveSipMessage) -> Observed:
        result = await self._directory.ask(command)
        return Observed(error=result) if isinstance(result, Refused) else result

    async def end_dialog(self, name: str, callees_tag: Tag, why: str) -> None:
        """End an established dialog for both of its parties, and the call with its last one."""
        log.warning("sip dialog ended", call_id=name, why=why)
        await self._directory.ask(EndDialog(call_id=CallId(name), callee_tag=callees_tag, reason=why))

    async def end(self, name: str, callers_tag: Tag, why: str) -> None:
        """End this caller's call, if no dialog of it has come about."""
        command = EndUnanswered(call_id=CallId(name), callers_tag=callers_tag, reason=why, at=self._now())
        if self._untold.has(name) or isinstance(await self._directory.ask(command), Refused):
            self._untold.keep(command)

    async def end_early(self, name: str, callers_tag: Tag, cseq: int, why: str, *, spares: bool = False) -> bool:
        """End the early dialogs of a caller's INVITE; see EndEarlyDialogs. Return whether there are any."""
        command = EndEarlyDialogs(call_id=CallId(name), callers_tag=callers_tag, cseq=cseq, reason=why, spares=spares)
        return not isinstance(await self._directory.ask(command), Refused)

    # -- what was not heard --

    def tell_later(self, call_id: CallId, event: SipMessage, source: str) -> None:
        """Report a request in a dialog once its call can be looked up; `event.from_caller` is ignored.

        This process keeps it, and only so many: if it does not live to tell, the call ends by other ways.
        """
        self._untold.keep(Unplaced(call_id, replace(event, sdp=None, from_caller=True), source))

    async def _tell_again(self, item: Item) -> RefusalCode | None:
        """Tell a call what it did not hear; comes to why it could not be told."""
        if isinstance(item, EndUnanswered):
            result = await self._directory.ask(replace(item, at=self._now()))
            return result.code if isinstance(result, Refused) else None
        command = await self._placed(item) if isinstance(item, Unplaced) else item
        if command is None:
            return None
        if isinstance(command, Refused):
            return command.code
        unheard = (await self._observe(replace(command, at=self._now()))).unheard
        return unheard.code if unheard else None

    async def _placed(self, item: Unplaced) -> ObserveSipMessage | Refused | None:
        """Return the command to observe a request, now that its call can be looked up; None if there is no call."""
        message = item.message
        call = await self.find(item.call_id, message.from_tag, message.to_tag)
        if isinstance(call, Refused):
            return call
        if not call.known:
            return None
        message = replace(message, from_caller=call.leg(message.from_tag) == CALLER)
        return ObserveSipMessage(call_id=CallId(call.name), message=message, received_from=item.source, at=self._now())


def _goes_on_unheard(event: SipMessage) -> bool:
    """Return whether a message goes on though its call did not hear of it: it ends something, and brings no media."""
    if event.status is None:
        return event.method == "BYE" or (event.method == "ACK" and event.sdp is None)
    return event.failed or (event.status >= 200 and event.sdp is None)
