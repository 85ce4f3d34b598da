"""Responses on their way back: which is the best, and what becomes of it (RFC 3261 16.7 steps 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

from sipmessage import Response

from gateways.sip.messages.making import copy_response

_TELLS_WHAT_TO_CHANGE = frozenset({401, 407, 415, 420, 484})
_TELLS_LITTLE = frozenset({408, 487, 503})
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")


def best_of(responses: Sequence[Response]) -> Response:
    """Choose among the final responses of failed branches, at least one (step 6), with all challenges in it (step 7).

    6xx goes before all. Then the lowest class counts; within it, what tells the client how to try again goes before
    the others, and what only says that there was no answer after them; then the last that came.
    """
    best = min(reversed(responses), key=_rank)
    if best.code not in (401, 407):
        return best
    return _with_challenges(best, [other for other in responses if other.code in (401, 407) and other is not best])


def for_client(response: Response) -> Response:
    """Return what the client is told: a 503 says only that the next element is overloaded, so it becomes a 500."""
    if response.code != 503:
        return response
    copy = copy_response(response)
    copy.code, copy.phrase = 500, "Server Internal Error"
    copy.headers.remove("Retry-After")
    return copy


def _rank(response: Response) -> tuple[int, int]:
    code = response.code
    little = 2 if code in _TELLS_LITTLE else 1
    return (0 if code >= 600 else code // 100), (0 if code in _TELLS_WHAT_TO_CHANGE else little)


def _with_challenges(best: Response, others: Sequence[Response]) -> Response:
    if not others:
        return best
    copy = copy_response(best)
    for name in _CHALLENGES:
        values = [value for response in (best, *others) for value in response.headers.getlist(name)]
        if values:
            copy.headers.setlist(name, values)
    return copy
