"""The headers of a webhook by the Standard Webhooks specification (1.0.0), by which a receiver knows what came before.

`webhook-id` stays the same however often an event is sent; `webhook-timestamp` is when it was sent this time;
`webhook-signature` is the HMAC-SHA256 of both and the body, by each secret: a new one can be introduced beside the old.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
"""What the text of a secret may begin with; the rest is base64."""


def signed(secrets: Sequence[bytes], event_id: str, at: int, body: bytes) -> Mapping[str, str]:
    """Return the headers of a request with this body that is sent at `at`, in seconds since the epoch."""
    headers = {"webhook-id": event_id, "webhook-timestamp": str(at)}
    if secrets:
        content = f"{event_id}.{at}.".encode() + body
        headers["webhook-signature"] = " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)
    return headers


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
