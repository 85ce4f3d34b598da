"""What is looked at before a request is taken: whether it may go on (RFC 3261 16.3)."""

from __future__ import annotations

import hashlib
import secrets

from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.text import to_bytes
from gateways.sip.messages.values import split_values
from gateways.sip.proxy.hooks import Answer

_LOOP = Answer(482, "Loop Detected", (("Reason", 'SIP;cause=482;text="It was here before and has not changed"'),))


class Fingerprints:
    """What tells a request that comes back unchanged, a loop, from one that goes another way now, a spiral.

    A fingerprint stands in the branch of the Via that a request leaves with (16.6 step 8, RFC 5393 4.2). It is made
    with a key that nobody else has, so whatever Via it is found in is ours.
    """

    def __init__(self, key: bytes = b"") -> None:
        key = key or secrets.token_bytes(16)
        # Made once: to copy one takes less than to read what it is to be made with.
        self._of_request = hashlib.blake2b(digest_size=8, key=key)
        self._of_branch = hashlib.blake2b(digest_size=12, key=key)

    def of(self, incoming: IncomingRequest) -> str:
        """Return the fingerprint of a request as it came: of all that decides where it goes."""
        request = incoming.message
        fields = (
            str(request.uri),
            *request.headers.getlist("Route"),
            incoming.from_tag,
            incoming.to_tag,
            incoming.call_id,
            str(incoming.cseq),
        )
        return _digest(self._of_request, "\n".join(fields))

    def branch(self, incoming: IncomingRequest) -> str:
        """Return what makes the branch of a request that is sent without a transaction: the same for its repeats."""
        return _digest(self._of_branch, f"{incoming.via}\n{incoming.call_id}\n{incoming.cseq}")


def _digest(of: hashlib.blake2b, text: str) -> str:
    digest = of.copy()
    digest.update(to_bytes(text))
    return digest.hexdigest()


def fault_of(incoming: IncomingRequest, fingerprint: str, supported: frozenset[str]) -> Answer | None:
    """Return the answer to a request that is not to go on; None if there is no fault in it.

    supported: the option tags that a Proxy-Require may have.
    """
    request = incoming.message
    if request.method == "CANCEL":
        return Answer(481)  # the transactions know nothing that it could be for, and nothing left here without one
    if int(request.headers.get("Max-Forwards") or 1) == 0:
        return Answer(200, "OK") if request.method == "OPTIONS" else Answer(483, "Too Many Hops")
    if any(fingerprint in via for via in request.headers.getlist("Via")):
        return _LOOP
    required = split_values(request.headers.getlist("Proxy-Require"))
    unknown = [tag for tag in required if tag.lower() not in supported]
    if unknown:
        return Answer(420, "Bad Extension", (("Unsupported", ", ".join(unknown)),))
    return None
