"""What is asked of a call whose SIP messages are seen, and whose dialogs are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from actors.commands.command import CallCommand
from actors.results import Done, Observed, RequestEnded
from actors.sip_requests import WantedRequest
from events.names import Leg, Tag
from events.values import value
from replay.offer_answer import SipMessage
from replay.settings_changes import SettingsChange
from replay.sip_dialogs import Party


@value
class PartyFacts:
    """What a SIP message tells of who sent it: the leg (caller or callee), its own tag, and how it is reached.

    again: it came by before, in another pass through the door (actors/flows/sip/passes.py), as its routes tell.
    """

    leg: Leg
    tag: Tag
    party: Party
    again: bool = False


@value(kw_only=True)
class ObserveSipMessage(CallCommand[Observed]):
    """Journal a SIP message, relay its body if it is an offer or answer, and do what the message does to the call.

    message: its CSeq is the one that its request came with. received_from: its source address. at: when it was seen, ms
    since the epoch. expires: the Session-Expires of a 2xx to INVITE or UPDATE, in seconds, 0 if it has none (RFC 4028).
    joins: an INVITE that is a branch of a call and begins none. changes: what the routing script set before; they are
    journalled with the message, but for a relay that is engaged too late. party: what the message tells of who sent it.
    waits: whether the result is to wait until what the message ended is off its nodes.
    """

    message: SipMessage
    received_from: str = ""
    at: int
    expires: int = 0
    joins: bool = False
    changes: Sequence[SettingsChange] = ()
    party: PartyFacts | None = None
    waits: bool = False

    @property
    def serial_key(self) -> str | None:
        """What it waits for: its branch; a BYE waits for all."""
        return None if self.message.method == "BYE" else self.message.branch

    @property
    def opens_call(self) -> bool:
        """Whether it is an INVITE that begins a call."""
        return self.message.begins_call and not self.joins

    @property
    def callers_tag(self) -> Tag:
        """The tag of the call's caller, as this message has it."""
        return self.message.callers_tag


@value(kw_only=True)
class SendRequest(CallCommand[RequestEnded]):
    """Send a request of our own in an established dialog, and come to its final outcome, which can take a minute."""

    runs_beside: ClassVar[bool] = True

    request: WantedRequest


@value(kw_only=True)
class EndCall(CallCommand[Done]):
    """End a call: BYE to both parties of each of its established dialogs, and its relay freed.

    The result waits for neither: both stay due until they are done, or a party has not answered its BYE. A call that
    has ended is left as it is. reason: for the journal. told: what the parties are told, "" for the reason.
    """

    reason: str
    told: str = ""

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None


@value(kw_only=True)
class EndDialog(CallCommand[Done]):
    """End an established dialog, by its callee's tag, as EndCall ends all; the call ends with the last one."""

    callee_tag: Tag
    reason: str

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None


@value(kw_only=True)
class EndEarlyDialogs(CallCommand[Done]):
    """End the early dialogs of this caller's INVITE, of that CSeq, as its caller may: by a BYE to each callee.

    spares: those of branches that ring though another one was answered. Refused where there are none; and without
    `spares` where the INVITE was answered, with them where it was not.
    """

    callers_tag: Tag
    cseq: int
    reason: str
    spares: bool = False

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None


@value(kw_only=True)
class EndUnanswered(CallCommand[Done]):
    """End this caller's call, if no dialog has come about in it. at: ms since the epoch."""

    callers_tag: Tag
    reason: str
    at: int

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None
