"""What became of a SIP message, as an application is told."""

from __future__ import annotations

from dataclasses import dataclass

from actors import results
from rtp_relay.api.errors import check


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a SIP message. sdp: what is to stand in it in place of its own, None to leave it as it is.

    role: offer, answer, repeat, nothing or illegal. change: what it did to the call (established, branch failed, ...).
    fault: the name of what is wrong with it, "" for nothing. why: the same in words.

    remedy: what is to be done about a message whose own SDP must not go on, since no relay speaks for it: "strip" takes
    it out, "refuse" does not send the message on; a request is answered with `refuse_with`, and a 2xx to an INVITE
    becomes a failure with that status, its dialog ended by ACK and BYE. "" for all others.
    """

    sdp: bytes | None
    role: str
    change: str
    fault: str
    why: str
    remedy: str = ""
    refuse_with: int = 0


def told(observed: results.Observed) -> Observed:
    """Return what became of a message, as this API tells it. Raises the error that a refusal stands for."""
    if observed.error is not None:
        check(observed.error)
    verdict = observed.verdict
    assert verdict is not None, "the call has heard of it"
    return Observed(
        sdp=observed.sdp,
        role=str(verdict.role),
        change=str(verdict.change),
        fault=verdict.fault.name if verdict.fault else "",
        why=verdict.why,
        remedy=str(observed.remedy),
        refuse_with=observed.refuse_with,
    )
