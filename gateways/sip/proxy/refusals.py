"""What hooks raise, as the response that it leads to."""

from __future__ import annotations

import structlog
from sipmessage import Response

from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import Answer, RefusalError
from gateways.sip.proxy.settings import ProxyCounters

log = structlog.get_logger(bounded=True)


def refusal_for(error: Exception, what: str, incoming: IncomingRequest, counters: ProxyCounters) -> RefusalError:
    """Return a refusal for what `what` raised: itself if it is one; else 500, and the error is logged."""
    if isinstance(error, RefusalError):
        return error
    counters.failures += 1
    log.error("sip request failed", what=what, method=incoming.method, call_id=incoming.call_id, exc_info=error)
    return RefusalError(500, "Server Internal Error")


def reply_with(incoming: IncomingRequest, said: Answer | RefusalError) -> Response:
    """Make the response that an answer or a refusal stands for."""
    return reply_to(incoming.message, said.code, said.phrase, headers=said.headers)


def reason_of(code: int, phrase: str) -> str:
    """Return a Reason for a CANCEL (RFC 3326)."""
    text = phrase.replace("\\", "").replace('"', "'")
    return f'SIP;cause={code};text="{text}"'
