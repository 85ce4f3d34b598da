"""Tells SIP call flows as text, a message a line, with what the negotiation has to make of each.

A line is `WHO [STATUS] METHOD [key=value ...] -> VERDICT`. WHO is C, the caller, or another letter, a callee whose tag
is `t` and that letter. A status ending in `r` is a reliable one. Keys: `sdp` (any word), `cseq` (1 if left out), `at`
(the letter of the callee, in messages of the caller's; A if left out, `-` for no tag yet), `branch`.

A verdict is written `ROLE [EXCHANGE] (IN FORCE) [CHANGE] [!FAULT]`.
"""

from __future__ import annotations

import json

from events.codec import Codec
from events.names import BranchId, CallId, Tag
from events.records import Recorded
from events.registry import SipMessageSeen
from replay.offer_answer import Change, Fault, Negotiation, SipMessage, Verdict
from replay.offer_answer.decide import decide

CODEC = Codec()


def message(line: str) -> SipMessage:
    """Read one message."""
    words = line.split()
    keys = dict(word.split("=") for word in words if "=" in word)
    who, *status, method = [word for word in words if "=" not in word]
    other = keys.get("at", "A") if who == "C" else who
    callee_tag = "" if other == "-" else f"t{other}"
    requester_is_caller = (who == "C") is not bool(status)
    from_tag, to_tag = ("tC", callee_tag) if requester_is_caller else (callee_tag, "tC")
    return SipMessage(
        method=method,
        from_caller=who == "C",
        cseq=int(keys.get("cseq", 1)),
        status=int(status[0].rstrip("r")) if status else None,
        branch=BranchId(keys.get("branch", "")),
        from_tag=Tag(from_tag),
        to_tag=Tag(to_tag),
        sdp=keys["sdp"].encode() if "sdp" in keys else None,
        reliable=bool(status) and status[0].endswith("r"),
    )


def written(verdict: Verdict) -> str:
    """Write a verdict as the stories do."""
    parts = [verdict.role.value, str(verdict.exchange or ""), f"({verdict.in_force})"]
    parts.append("" if verdict.change is Change.NONE else verdict.change.value)
    parts.append("" if verdict.fault is Fault.NONE else f"!{verdict.fault.name}")
    return " ".join(part for part in parts if part)


def see(call: Negotiation, seen: SipMessage) -> Verdict:
    """Let a call see a message: the verdict is given, goes through the journal, and is applied."""
    verdict = decide(call, seen)
    written_down = Recorded(1, 0, "", sip_message_seen(seen, verdict))
    entry = CODEC.encode(CallId("call"), written_down)
    read = CODEC.decode(CallId("call"), entry.name, entry.payload, 1).event
    assert isinstance(read, SipMessageSeen)
    assert read.verdict is not None
    call.apply(seen, read.verdict)
    return verdict


def sip_message_seen(seen: SipMessage, verdict: Verdict | None = None, expires: int = 0) -> SipMessageSeen:
    """Return the event of a message."""
    return SipMessageSeen(
        method=seen.method,
        from_caller=seen.from_caller,
        cseq=seen.cseq,
        status=seen.status or 0,
        branch=seen.branch,
        from_tag=seen.from_tag,
        to_tag=seen.to_tag,
        sdp=seen.sdp,
        reliable=seen.reliable,
        verdict=verdict.recorded() if verdict else None,
        expires=expires,
    )


def message_of(event: SipMessageSeen) -> SipMessage:
    """Return the message that an event tells of."""
    return SipMessage(
        method=event.method,
        from_caller=event.from_caller,
        cseq=event.cseq,
        status=event.status or None,
        branch=event.branch,
        from_tag=event.from_tag,
        to_tag=event.to_tag,
        sdp=event.sdp,
        reliable=event.reliable,
    )


def tell(story: str, call: Negotiation | None = None) -> Negotiation:
    """Let a call see every message of a story; after each, its state goes through JSON, as a journal would have it."""
    call = call or Negotiation()
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    told = []
    for line in lines:
        said = line.partition(" -> ")[0]
        told.append(f"{said} -> {written(see(call, message(said)))}")
        call = Negotiation.from_dict(json.loads(json.dumps(call.to_dict())))
    assert told == lines
    return call
