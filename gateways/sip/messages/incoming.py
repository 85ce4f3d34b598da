"""Messages as they came, with what every part needs of them read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sipmessage import URI, Request, Response, Via

from events.names import NO_TAG, CallId, Tag
from gateways.sip.addresses import Hop

Message: TypeAlias = Request | Response


@dataclass(slots=True)
class IncomingRequest:
    """A request that came over `hop`. `cseq` is the number; `branch` is the top Via's, "" if it has none.

    The top Via of `message` has been given its received and rport already (RFC 3261 18.2.1, RFC 3581 4).
    """

    message: Request
    hop: Hop
    via: Via
    call_id: CallId
    from_tag: Tag
    to_tag: Tag
    cseq: int

    @property
    def method(self) -> str:
        """The request's method."""
        return self.message.method

    @property
    def branch(self) -> str:
        """The branch parameter of its top Via."""
        return self.via.parameters.get("branch") or ""


@dataclass(slots=True)
class IncomingResponse:
    """A response that came over `hop`. `branch` is the top Via's, "" if it has none.

    `cseq` and `method` are those of the CSeq header.
    """

    message: Response
    hop: Hop
    branch: str
    call_id: CallId
    from_tag: Tag
    to_tag: Tag
    cseq: int
    method: str

    @property
    def status(self) -> int:
        """The response's code."""
        return self.message.code


def request_before(response: IncomingResponse, via: Via, hop: Hop) -> IncomingRequest:
    """Return what a response tells of its request, as whoever had that with this top Via over `hop` must have read it.

    It may have had a To tag, which is not to be told any more; and its URI is unknown.
    """
    request = Request(response.method, URI(scheme="sip", host=hop.host))
    return IncomingRequest(request, hop, via, response.call_id, response.from_tag, NO_TAG, response.cseq)
