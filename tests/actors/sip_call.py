"""A call whose messages pass through a door at one of a cluster's nodes, told as tests/replay/sip_story.py does.

The caller is tC, its callees are tA, tB, ... What is told to have been sent on arrives at their fakes at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.effects import Flow, Spawn
from actors.flows.sip.observe import CSEQ_SHIFT, ObservedSipMessage, signal
from actors.flows.sip.own_requests import Own, request_in_dialog
from actors.sip_requests import SipOutcome
from engines.ng.bencode import NgDict
from events.registry import Event, PartyLearned, RelayEngaged, SipRequestEnded, SipRequestIntended
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLEE, CALLER
from replay.sip_dialogs import SipDialogs
from replay.state import CallState, CallStatus
from tests.actors.simulation import Cluster
from tests.named_sdp import with_named_sdp
from tests.replay.sip_story import message

ENGAGED = RelayEngaged(engine="rtpengine", set="default")
PATIENCE = 6.0  # s of virtual time


def party(event: SipMessage, contact: str = "") -> PartyLearned:
    """Return what a message tells of who sent it."""
    tag = event.from_tag if event.status is None else event.to_tag
    leg = CALLER if event.from_caller else CALLEE
    begins_dialog = event.begins_call or (event.status is not None and event.method == "INVITE")
    return PartyLearned(
        leg=leg,
        tag=tag,
        uri=f"<sip:{leg}@example.com>",
        contact=contact or f"sip:{tag}@192.0.2.1",
        routes=(f"<sip:{leg}-proxy.example.com;lr>",) if begins_dialog else (),
        local="udp:192.0.2.100:5060",
        source="udp:192.0.2.1:5060",
    )


class SipCall:
    """One call."""

    def __init__(self, cluster: Cluster, call_id: str = "c") -> None:
        self.cluster, self.call_id = cluster, call_id
        cluster.call_ids.add(call_id)

    @property
    def sip_dialogs(self) -> SipDialogs:
        sip_dialogs = self.cluster.state(self.call_id).sip_dialogs
        assert sip_dialogs is not None
        return sip_dialogs

    def begin(self, place: int = 0, tag: str = "A", expires: int = 0) -> None:
        """Let the call come about."""
        self.tell("C INVITE at=- sdp=c", place, news=[ENGAGED])
        self.tell(f"{tag} 200 INVITE sdp=a", place, expires=expires)
        self.tell(f"C ACK at={tag}", place)

    def tell(
        self, line: str, place: int = 0, *, news: Sequence[Event] = (), expires: int = 0, contact: str = ""
    ) -> NgDict:
        """Tell of a message; one that nobody lived to answer comes again at the other control node."""
        reply = self.attempt(line, place, news=news, expires=expires, contact=contact)
        assert reply is not None, f"nobody answered {line}"
        return reply

    def attempt(
        self, line: str, place: int = 0, *, news: Sequence[Event] = (), expires: int = 0, contact: str = ""
    ) -> NgDict | None:
        """Tell of a message; None if no control node lived to answer."""
        event = with_named_sdp(message(line))
        told = party(event, contact) if event.callee_tag or event.begins_call else None
        for at in (place, 1 - place):
            flow = self._signal(event, at, news, told, expires)
            serial_key = None if event.method == "BYE" else event.branch
            reply = self.conduct(flow, place=at, serial_key=serial_key, opens_call=event.begins_call)
            if reply is not None:
                self._forward(event, reply)
                return reply
        return None

    def conduct(
        self,
        flow: Flow,
        *,
        place: int = 0,
        serial_key: str | None = None,
        within: float = PATIENCE,
        opens_call: bool = False,
    ) -> NgDict | None:
        """Have a flow run and give its reply; None if there was none in time, or no control node there."""
        node, replies = self.cluster.nodes[place], list[NgDict]()

        async def submit() -> None:
            if node.life.alive:
                node.directory.conduct(self.call_id, flow, serial_key, replies.append, opens_call=opens_call)

        self.cluster.run(submit())
        for _ in range(round(within / 0.01)):
            if replies or not node.life.alive:
                break
            self.cluster.after(0.01)
        return replies[0] if replies and node.life.alive else None

    def _signal(
        self, event: SipMessage, place: int, news: Sequence[Event], told: PartyLearned | None, expires: int
    ) -> Flow:
        seen = ObservedSipMessage(call_id=self.call_id, event=event, at=self.cluster.loop.now_ms(), expires=expires)
        return signal(seen, self.cluster.nodes[place].table, news, told)

    def _forward(self, event: SipMessage, reply: NgDict) -> None:
        shift = reply.get(CSEQ_SHIFT)
        if (
            reply[b"result"] == b"ok"
            and event.status is None
            and event.callee_tag
            and event.method not in ("ACK", "CANCEL")
        ):
            assert isinstance(shift, int)
            receiver = event.callee_tag if event.from_caller else event.to_tag
            self.cluster.peer(receiver).forward(event.cseq + shift)


def asked(call: SipCall, own: Own) -> SipOutcome:
    """Have a request sent and give its outcome."""
    outcomes = ask(call, own)
    for _ in range(20_000):
        if outcomes:
            break
        call.cluster.after(0.01)
    return outcomes[0]


def ask(call: SipCall, own: Own, place: int = 0) -> list[SipOutcome]:
    """Have a request sent; the outcome comes into the list."""
    outcomes: list[SipOutcome] = []

    def request() -> Flow:
        outcomes.append((yield from request_in_dialog(own)))
        return None

    def flow() -> Flow:
        yield Spawn(request())
        return {b"result": b"ok"}

    call.conduct(flow(), place=place)
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
