"""Requests of our own, as the parties of a call get them, and as its journal tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from actors.sip_requests import SipOutcome, WantedRequest
from events.names import Leg, Tag
from events.registry import SipRequestEnded, SipRequestIntended
from replay.relay_settings import CALLEE, CALLER
from tests.e2e.sip.calls import Call
from tests.e2e.sip.inside import Inside
from tests.e2e.sip.stage import ENDED, PLAIN, Stage
from tests.peers.peer import wait_until
from tests.peers.ua import Arrived
from tests.peers.ua_text import tag_of
from tests.peers.ua_transactions import WITHIN

OTHER: Mapping[str, str] = {CALLER: CALLEE, CALLEE: CALLER}
BOTH_OK: Mapping[str, list[int]] = {leg: [200] for leg in OTHER}


def callee_tag(call: Call) -> str:
    return tag_of(call.caller.dialog.remote)


def of_call(call: Call) -> str:
    return call.caller.dialog.call_id


async def marked(call: Call, leg: str, method: str, within: float = WITHIN) -> Arrived:
    """Take a request of our own, as a party gets it: its peer's, and marked by the script."""
    side, _ = call.sides(leg)
    arrived = await side.agent.request(method, within=within)
    assert arrived.request.headers.getlist("X-Local") == [f"{method} to the {leg} of {of_call(call)}"]
    return arrived


async def takes_bye(call: Call, leg: str, why: str, code: int = 200) -> None:
    arrived = await marked(call, leg, "BYE")
    assert arrived.request.headers.get("Reason") == f'SIP;text="{why}"'
    call.sides(leg)[0].agent.reply(arrived, code)


async def both_take_bye(call: Call, why: str) -> None:
    await asyncio.gather(*(takes_bye(call, leg, why) for leg in OTHER))


async def is_over(call: Call) -> None:
    """See that the relay is freed, that the journal is whole, and that each party has had one BYE."""
    await call.stage.nothing_is_left(of_call(call))
    assert await call.stage.told(of_call(call)) == PLAIN + ENDED
    assert [one.leg for one in await intended(call.stage, of_call(call), "BYE")] == [CALLER, CALLEE]


async def goes_on(call: Call) -> None:
    """Let both parties offer again, talk, and hang up: their user agents check each CSeq."""
    await call.keeps_its_ports("caller")
    await call.keeps_its_ports("callee")
    await call.ask("caller", "INFO")
    await call.ask("callee", "INFO")
    await call.talk()
    await call.hang_up("callee")
    await call.stage.nothing_is_left(of_call(call))


async def accept(call: Call, leg: str, node: Inside) -> SipOutcome:
    """Send a party a re-INVITE of ours that offers what it has; it answers, and gets an ACK."""
    side, other = call.sides(leg)
    sending = asyncio.create_task(node.send(of_call(call), reinvite(call, leg)))
    arrived = await marked(call, leg, "INVITE")
    assert arrived.body == side.hears
    assert tag_of(arrived.request.headers["From"]) == tag_of(other.dialog.local)
    side.agent.reply(arrived, 200, sdp=side.agent.sdp())
    ack = await side.agent.request("ACK")
    assert ack.request.cseq.sequence == arrived.request.cseq.sequence
    return await sending


def reinvite(call: Call, leg: str) -> WantedRequest:
    """Make a re-INVITE with what the party was given before, and its peer's Contact."""
    side, other = call.sides(leg)
    contact = ("Contact", f"<{other.agent.uri}>")
    return WantedRequest(Leg(leg), Tag(callee_tag(call)), "INVITE", "a test", side.hears, "application/sdp", (contact,))


async def intended(stage: Stage, call_id: str, method: str = "") -> list[SipRequestIntended]:
    """Return the requests of our own that a call's journal has, all or those of one method."""
    events = [record.event for record in await stage.service.events(call_id)]
    return [event for event in events if isinstance(event, SipRequestIntended) and method in ("", event.method)]


async def ended(stage: Stage, call_id: str) -> dict[tuple[str, str], list[int]]:
    """Return the statuses that requests of our own in a call have had, by their methods and by whom they went to."""
    statuses: dict[tuple[str, str], list[int]] = {}
    sent: dict[int, SipRequestIntended] = {}
    for record in await stage.service.events(call_id):
        if isinstance(record.event, SipRequestIntended):
            sent[record.event.number] = record.event
        elif isinstance(record.event, SipRequestEnded):
            one = sent[record.event.number]
            statuses.setdefault((one.method, one.leg), []).append(record.event.status)
    return statuses


async def have_ended(stage: Stage, call_id: str, method: str, statuses: Mapping[str, list[int]]) -> None:
    """Wait until requests of our own of that method have had these statuses, by whom they went to, and no others."""
    wanted = {(method, leg): codes for leg, codes in statuses.items()}

    async def there() -> bool:
        return {key: value for key, value in (await ended(stage, call_id)).items() if key[0] == method} == wanted

    await wait_until(there, f"{wanted} in the journal of {call_id}")
