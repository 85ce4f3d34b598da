"""A dialog as a user agent knows it (RFC 3261 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sipmessage import Request, Response

from tests.peers.ua_text import tag_of, uri_of, values

Key = tuple[str, str, str]


@dataclass(slots=True)
class Dialog:
    """One dialog.

    local, remote: From or To values, tags included. target: the peer's Contact URI. routes: Route values, nearest
    first. local_seq, remote_seq: the newest CSeq of each side, 0 if it has sent none. descriptions: the origin
    (RFC 4566 5.2) of the peer's newest SDP, and that SDP.
    """

    call_id: str
    local: str
    remote: str
    target: str = ""
    routes: list[str] = field(default_factory=list)
    local_seq: int = 0
    remote_seq: int = 0
    confirmed: bool = False
    descriptions: tuple[str, bytes] = ("", b"")

    @property
    def key(self) -> Key:
        """What tells it from others: Call-ID, own tag, peer's tag."""
        return self.call_id, tag_of(self.local), tag_of(self.remote)

    def refresh(self, message: Request | Response) -> None:
        """Take the peer's Contact for the remote target, if there is one."""
        for value in values(message.headers, "Contact"):
            self.target = uri_of(value)


def of_response(response: Response) -> Dialog:
    """Return the dialog that a response makes for who sent the request (RFC 3261 12.1.2)."""
    headers = response.headers
    dialog = Dialog(
        call_id=headers["Call-ID"],
        local=headers["From"],
        remote=headers["To"],
        routes=list(reversed(values(headers, "Record-Route"))),
        local_seq=response.cseq.sequence,
    )
    dialog.refresh(response)
    return dialog


def of_request(request: Request, to_value: str) -> Dialog:
    """Return the dialog that a request makes for who answers it; to_value: its To with the own tag (12.1.1)."""
    headers = request.headers
    dialog = Dialog(
        call_id=headers["Call-ID"],
        local=to_value,
        remote=headers["From"],
        routes=values(headers, "Record-Route"),
        remote_seq=request.cseq.sequence,
    )
    dialog.refresh(request)
    return dialog


def description_faults(dialog: Dialog, body: bytes) -> Iterator[str]:
    """Check the peer's next SDP against the one before it, and remember it (RFC 3264 8).

    The origin stays the same but for its version, and without a higher version nothing else may change either.
    """
    origin = next((line[2:] for line in body.decode().splitlines() if line.startswith("o=")), "")
    before, known = dialog.descriptions
    dialog.descriptions = origin, body
    if not before or body == known:
        return
    was, now = before.split(), origin.split()
    if len(now) < 3 or now[:2] != was[:2]:
        yield f"the SDP's origin was {before!r} and is {origin!r}"
    elif int(now[2]) <= int(was[2]):
        yield f"the SDP has changed, its version has not: {before!r}, {origin!r}\n{known.decode()}\n{body.decode()}"
