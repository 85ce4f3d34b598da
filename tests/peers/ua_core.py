"""What both halves of a user agent stand on: sockets, dialogs, a story of what was said, a list of violations."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from sipmessage import URI, Message, Request, Response

from tests.peers.rtp import RtpEndpoint
from tests.peers.ua_dialog import Dialog, Key, description_faults
from tests.peers.ua_text import is_loose, place_of, uri_of
from tests.peers.ua_wire import Place, Tls, Wire, bracketed

Header = tuple[str, str]
SDP = "application/sdp"


class Core:
    """The ground of a user agent."""

    def __init__(self, name: str, transport: str, host: str, tls: Tls | None) -> None:
        self.name = name
        self.user = name
        """The user of its URIs, which may be a number."""
        self.transport = transport
        self.host = host
        self.media = RtpEndpoint(host)
        self.received: list[Request | Response] = []
        self.origins: set[Place] = set()
        self.violations: list[str] = []
        self._dialogs: dict[Key, Dialog] = {}
        self._wire = Wire(self._take, self.note, host, tls)
        self._story: list[str] = []
        self._version = 0
        self._described = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.transport, self.host, self._wire.port)

    @property
    def uri(self) -> str:
        """The URI by which it is reached: the Request-URI of requests in its dialogs."""
        how = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.user}@{bracketed(self.host)}:{self._wire.port}{how}"

    @property
    def contact(self) -> str:
        """The URI that it writes into its Contact."""
        return self.uri

    def sdp(self, direction: str = "sendrecv") -> str:
        """Describe its one stream; the version of the description grows whenever it says something new."""
        if direction != self._described:
            self._version += 1
            self._described = direction
        return self.media.sdp(self._version).replace("a=sendrecv", f"a={direction}")

    def dialogs(self, call_id: str) -> list[Dialog]:
        """Return its dialogs of a call."""
        return [dialog for dialog in self._dialogs.values() if dialog.call_id == call_id]

    def story(self) -> str:
        """Tell what it has sent and received."""
        return "\n".join([f"--- {self.name} at {self.uri}", *self._story, *self.violations])

    def note(self, text: str) -> None:
        """Add a line to the story."""
        self._story.append(f"--- {text}")

    def violation(self, text: str) -> None:
        """Keep that the other side does what it must not."""
        self.violations.append(f"{self.name}: {text}")
        self._story.append(f"!!! {text}")

    def _blame(self, message: object, faults: Iterable[str]) -> None:
        for fault in faults:
            self.violation(f"{message}: {fault}")

    def _send(self, data: bytes, place: Place) -> None:
        self._story.append(f"--> {place}\n{data.decode().rstrip()}\n")
        self._wire.send(data, place)

    def _take(self, data: bytes, origin: Place) -> None:
        if not data.strip():
            return
        self._story.append(f"<-- {origin}\n{data.decode(errors='replace').rstrip()}\n")
        self.origins.add(origin)
        try:
            message = Message.parse(data)
            self._came(message, data, origin)
        except (ValueError, KeyError) as error:
            self.violation(f"cannot be read ({error!r}): {data!r}")

    def _came(self, message: Request | Response, data: bytes, origin: Place) -> None:
        raise NotImplementedError

    def _new_branch(self) -> str:
        return f"z9hG4bK{self.name}-{secrets.token_hex(6)}"

    def _via(self, place: Place, branch: str) -> str:
        return f"SIP/2.0/{place.transport.upper()} {bracketed(self.host)}:{self._wire.port};branch={branch};rport"

    def _in_dialog(self, dialog: Dialog, method: str, cseq: int, headers: Iterable[Header], sdp: str) -> Request:
        """Make a request in a dialog (RFC 3261 12.2.1.1), without Via and Contact."""
        request = Request(method, URI.parse(dialog.target))
        fill(request, dialog.local, dialog.remote, dialog.call_id, f"{cseq} {method}")
        for route in dialog.routes:
            request.headers.add("Route", route)
        if dialog.routes and not is_loose(dialog.routes[0]):
            self.violation(f"{dialog.routes[0]} in the route set is no loose router")
        add(request, headers, sdp)
        return request

    def _next_hop(self, dialog: Dialog) -> Place:
        return place_of(uri_of(dialog.routes[0]) if dialog.routes else dialog.target)

    def _check_description(self, message: Request | Response, dialog: Dialog | None) -> None:
        if message.body and dialog is not None and message.headers.get("Content-Type") == SDP:
            self._blame(message.headers["CSeq"], description_faults(dialog, message.body))


def fill(request: Request, from_value: str, to_value: str, call_id: str, cseq: str) -> None:
    """Return a request the headers that each must have (RFC 3261 8.1.1), but for Via and Contact."""
    # The Via, whose value comes last, is to stand first.
    headers = [
        ("Via", ""),
        ("Max-Forwards", "70"),
        ("From", from_value),
        ("To", to_value),
        ("Call-ID", call_id),
        ("CSeq", cseq),
    ]
    for name, value in headers:
        request.headers.add(name, value)


def add(message: Request | Response, headers: Iterable[Header], body: str) -> None:
    """Add headers, and an SDP if there is one."""
    for name, value in headers:
        message.headers.add(name, value)
    if body:
        message.body = body.encode()
        if message.headers.get("Content-Type") is None:
            message.headers.set("Content-Type", SDP)
    message.headers.set("Content-Length", str(len(message.body)))
