"""A call whose messages pass through a door at one of a cluster's nodes, told as tests/replay/sip_story.py does.

The caller is tC, its callees are tA, tB, ... What is told to have been sent on arrives at their fakes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from actors.commands.command import CallCommand
from actors.commands.sip import ObserveSipMessage, PartyFacts, SendRequest
from actors.results import Observed, Refused, RequestEnded
from actors.sip_requests import SipOutcome, WantedRequest
from events.names import CallId, Tag
from events.registry import SipRequestEnded, SipRequestIntended
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLEE, CALLER
from replay.settings_changes import EngageRelay, SettingsChange
from replay.sip_dialogs import Party, SipDialogs
from replay.state import CallState, CallStatus
from tests.actors.simulation import Cluster
from tests.named_sdp import with_named_sdp
from tests.replay.sip_story import message

ENGAGED = EngageRelay(engine="rtpengine", set="default")
R = TypeVar("R")
PATIENCE = 6.0  # s of virtual time


def party(event: SipMessage, contact: str = "", allows_update: Sequence[Tag] = ()) -> PartyFacts:
    """Return what a message tells of who sent it."""
    tag = event.from_tag if event.status is None else event.to_tag
    leg = CALLER if event.from_caller else CALLEE
    begins_dialog = event.begins_call or (event.status is not None and event.method == "INVITE")
    reached = Party(
        uri=f"<sip:{leg}@example.com>",
        contact=contact or f"sip:{tag}@192.0.2.1",
        routes=(f"<sip:{leg}-proxy.example.com;lr>",) if begins_dialog else (),
        local="udp:192.0.2.100:5060",
        source="udp:192.0.2.1:5060",
        takes_update=tag in allows_update,
    )
    return PartyFacts(leg, tag, reached)


class SipCall:
    """One call."""

    def __init__(self, cluster: Cluster, call_id: CallId = CallId("c"), allows_update: Sequence[Tag] = ()) -> None:
        self.cluster, self.call_id, self._allows_update = cluster, call_id, allows_update
        cluster.call_ids.add(call_id)

    @property
    def sip_dialogs(self) -> SipDialogs:
        sip_dialogs = self.cluster.state(self.call_id).sip_dialogs
        assert sip_dialogs is not None
        return sip_dialogs

    def begin(self, place: int = 0, tag: Tag = Tag("A"), expires: int = 0) -> None:
        """Let the call come about."""
        self.tell("C INVITE at=- sdp=c", place, changes=[ENGAGED])
        self.tell(f"{tag} 200 INVITE sdp=a", place, expires=expires)
        self.tell(f"C ACK at={tag}", place)

    def tell(
        self, line: str, place: int = 0, *, changes: Sequence[SettingsChange] = (), expires: int = 0, contact: str = ""
    ) -> Observed:
        """Tell of a message; one that nobody lived to answer comes again at the other control node."""
        reply = self.attempt(line, place, changes=changes, expires=expires, contact=contact)
        assert reply is not None, f"nobody answered {line}"
        return reply

    def attempt(
        self, line: str, place: int = 0, *, changes: Sequence[SettingsChange] = (), expires: int = 0, contact: str = ""
    ) -> Observed | None:
        """Tell of a message; None if no control node lived to answer."""
        event = with_named_sdp(message(line))
        told = party(event, contact, self._allows_update) if event.callee_tag or event.begins_call else None
        for at in (place, 1 - place):
            command = ObserveSipMessage(
                call_id=self.call_id,
                message=event,
                at=self.cluster.loop.now_ms(),
                expires=expires,
                changes=changes,
                party=told,
            )
            result = self.command(command, place=at)
            if result is not None:
                observed = Observed(error=result) if isinstance(result, Refused) else result
                self._forward(event, observed)
                return observed
        return None

    def command(self, command: CallCommand[R], *, place: int = 0, within: float = PATIENCE) -> R | Refused | None:
        """Give a command and return its result; None if there was none in time, or no control node there."""
        node, results = self.cluster.nodes[place], list[R | Refused]()

        async def submit() -> None:
            if node.life.alive:
                node.directory.submit(command, results.append)

        self.cluster.run(submit())
        for _ in range(round(within / 0.01)):
            if results or not node.life.alive:
                break
            self.cluster.after(0.01)
        return results[0] if results and node.life.alive else None

    def _forward(self, event: SipMessage, observed: Observed) -> None:
        if (
            observed.error is None
            and event.status is None
            and event.callee_tag
            and event.method not in ("ACK", "CANCEL")
        ):
            receiver = event.callee_tag if event.from_caller else event.to_tag
            self.cluster.peer(receiver).forward(event.cseq + observed.shift)


def asked(call: SipCall, own: WantedRequest) -> SipOutcome:
    """Have a request sent and give its outcome."""
    outcomes = ask(call, own)
    for _ in range(20_000):
        if outcomes:
            break
        call.cluster.after(0.01)
    return outcomes[0]


def ask(call: SipCall, own: WantedRequest, place: int = 0) -> list[SipOutcome]:
    """Have a request sent; the outcome comes into the list."""
    outcomes: list[SipOutcome] = []
    node = call.cluster.nodes[place]

    def ended(result: RequestEnded | Refused) -> None:
        if isinstance(result, RequestEnded):
            outcomes.append(result.outcome)

    async def submit() -> None:
        if node.life.alive:
            node.directory.submit(SendRequest(call_id=call.call_id, request=own), ended)

    call.cluster.run(submit())
    return outcomes


def state(call: SipCall) -> CallState:
    return call.cluster.state(call.call_id)


def attend(call: SipCall) -> None:
    """Tell both control nodes that the call is due, which it need not be."""

    async def tell() -> None:
        for node in call.cluster.nodes:
            node.directory.attend(call.call_id)

    call.cluster.run(tell())


def sent(call: SipCall) -> list[tuple[str, str, int]]:
    """Return to whom which requests of our own were intended, with their CSeqs."""
    events = [record.event for record in call.cluster.stream(call.call_id)]
    return [(event.leg, event.method, event.cseq) for event in events if isinstance(event, SipRequestIntended)]


def ends(call: SipCall) -> list[tuple[int, int]]:
    events = [record.event for record in call.cluster.stream(call.call_id)]
    return [(event.number, event.status) for event in events if isinstance(event, SipRequestEnded)]


def check_over(call: SipCall) -> None:
    """Nothing is left of the call: on relays, in the tables, to be sent."""
    cluster = call.cluster
    cluster.check_no_leak()
    cluster.check_versions()
    assert state(call).status is CallStatus.ENDED
    assert call.sip_dialogs.requests == {}
    assert cluster.run(cluster.journal.count_calls()) == {"": 0}
    assert not any(relay.held() for relay in cluster.fakes.values())
