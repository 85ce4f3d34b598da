"""Tells SIP call flows as text, a message a line, with what the negotiation has to make of each.

A line is `WHO [STATUS] METHOD [key=value ...] -> VERDICT`. WHO is C, the caller, or another letter, a callee whose tag
is `t` and that letter. A status ending in `r` is a reliable one. Keys: `sdp` (any word), `cseq` (1 if left out), `at`
(the letter of the callee, in messages of the caller's; A if left out, `-` for no tag yet), `branch`.

A verdict is written `ROLE [EXCHANGE] (IN FORCE) [CHANGE] [!FAULT]`.
"""

from __future__ import annotations

import json

from replay.offer_answer import Change, Fault, Negotiation, SipMessage, Verdict


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
        branch=keys.get("branch", ""),
        from_tag=from_tag,
        to_tag=to_tag,
        sdp=keys["sdp"].encode() if "sdp" in keys else None,
        reliable=bool(status) and status[0].endswith("r"),
    )


def written(verdict: Verdict) -> str:
    """Write a verdict as the stories do."""
    parts = [verdict.role.value, str(verdict.exchange or ""), f"({verdict.in_force})"]
    parts.append("" if verdict.change is Change.NONE else verdict.change.value)
    parts.append("" if verdict.fault is Fault.NONE else f"!{verdict.fault.name}")
    return " ".join(part for part in parts if part)


def tell(story: str, call: Negotiation | None = None) -> Negotiation:
    """Let a call see every message of a story; after each, its state goes through JSON, as a journal would have it."""
    call = call or Negotiation()
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    told = []
    for line in lines:
        said = line.partition(" -> ")[0]
        told.append(f"{said} -> {written(call.see(message(said)))}")
        call = Negotiation.from_dict(json.loads(json.dumps(call.to_dict())))
    assert told == lines
    return call
