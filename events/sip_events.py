"""The events of a call whose SIP messages pass through the SIP door: who its parties are, and requests of our own."""

from __future__ import annotations

from typing import ClassVar

from events.event import Event
from events.names import Leg, Tag
from events.values import value


@value(kw_only=True)
class PartyLearned(Event):
    """What is needed to send a request to a party became known, or changed.

    leg: caller or callee. tag: the party's own. uri: its From or To value, without the tag. contact: the URI that it is
    reached at, "" if it named none. routes: the Route values from here to it, nearest first. local: the listening point
    of ours that faces it. source: where its messages come from. takes_update: whether its newest Allow has UPDATE.
    """

    name: ClassVar[str] = "party learned"
    personal: ClassVar[tuple[str, ...]] = ("uri", "contact", "routes")

    leg: Leg
    tag: Tag
    uri: str
    contact: str = ""
    routes: tuple[str, ...] = ()
    local: str = ""
    source: str = ""
    takes_update: bool = False


@value(kw_only=True)
class SipRequestIntended(Event):
    """A request of our own is about to be sent to the party `leg`, as if its peer had sent it.

    number: counts such requests of a call from 1. tag: the callee's, which names the dialog. cseq: as it is sent.
    origin: the version (`o=`) of the session description in it, 0 for none: the party's next one has a higher one.
    """

    name: ClassVar[str] = "request intended"

    number: int
    leg: Leg
    tag: Tag
    method: str
    cseq: int
    reason: str = ""
    origin: int = 0


@value(kw_only=True)
class SipRequestEnded(Event):
    """A request of our own came to its end. `status` is that of the final response, 0 if there was none."""

    name: ClassVar[str] = "request ended"

    number: int
    status: int
    reason: str = ""


@value(kw_only=True)
class CallVariableSet(Event):
    """The routing script set a variable of the call."""

    name: ClassVar[str] = "call variable set"
    personal: ClassVar[tuple[str, ...]] = ("value",)

    variable: str
    value: str
