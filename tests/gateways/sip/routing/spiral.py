"""A call that comes by the door twice: the callee that the door sends it to is an application server, which sends it
back with another Request-URI. It keeps nothing and is in no dialog's route.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sipmessage import Response

from events.names import Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.making import add_first, copy_request, copy_response, set_body
from gateways.sip.messages.reading import read
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.values import take_first
from gateways.sip.script.decisions import Decision
from gateways.sip.script.script import DefaultScript
from gateways.sip.script.views import Request as RequestView
from gateways.sip.script.views import decision_of
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, HERE, ROUTE, Incoming, WholeDoor, response_to
from tests.named_sdp import named

M = TypeVar("M", IncomingRequest, IncomingResponse)

INSIDE = "203.0.113.100"
"""The host of the Request-URI that the application server gives to a call."""


class Script(DefaultScript):
    """Engages a relay for each call, and rings all devices where a call has come back from the application server.

    engages_again: whether it does so for a call that has come back.
    """

    def __init__(self, devices: Sequence[str], *, engages_again: bool) -> None:
        super().__init__("rtpengine")
        self._devices, self._engages_again = devices, engages_again

    async def request(self, view: RequestView) -> Decision:
        """Decide about a request."""
        if view.host != INSIDE or view.has_totag:
            return await super().request(view)
        if self._engages_again:
            view.rtp_relay_engage("rtpengine")
        for host in self._devices:
            view.append_branch(f"sip:user@{host}")
        view.relay()
        return decision_of(view)


class Spiral:
    """One call of tC. The devices, by their hosts, are behind the second pass."""

    def __init__(self, cluster: Cluster, *devices: str, engages_again: bool = True) -> None:
        self.door = WholeDoor(cluster, script=Script(devices, engages_again=engages_again))
        self.devices = devices
        self.outer: IncomingRequest
        self.inner: dict[str, IncomingRequest] = {}

    def invite(self, sdp: str = "c", *, added: bytes = b"") -> list[Incoming]:
        """Let the call come twice; give what the door sends the second time. added: by the application server."""
        body = named(sdp) if sdp else b""
        self._invited = self.door.request("INVITE", body=body)
        self.outer = self._one(self.door.receive(self._invited, CALLER), IncomingRequest)
        self._back = self._sent_back(added)
        sent = self.door.receive(self._back, CALLEE)
        self.inner = {each.hop.host: each for each in sent if isinstance(each, IncomingRequest)}
        return sent

    def respond(self, device: str, code: int, tag: Tag, sdp: str = "", *, added: bytes = b"") -> list[Incoming]:
        """Let a device respond, and the response come twice; give what the door sends the second time."""
        return self.pass_back(self.passed(device, code, tag, sdp), added)

    def passed(self, device: str, code: int, tag: Tag, sdp: str = "") -> list[Incoming]:
        """Let a device respond; give what the door sends the first time."""
        response = response_to(self.inner[device], code, tag=tag, body=named(sdp) if sdp else b"")
        return self.door.receive(response, Hop(SipTransport.UDP, device, 5060, HERE))

    def pass_back(self, passed: Sequence[Incoming], added: bytes = b"") -> list[Incoming]:
        """Let responses that have passed come again; give what the door sends then. added: on the way back."""
        responses = [each for each in passed if isinstance(each, IncomingResponse) and each.status > 100]
        return [again for each in responses for again in self.door.receive(self._passed_back(each, added), CALLEE)]

    def end(self, tag: Tag) -> None:
        """Let the caller hang up."""
        self.door.receive(self.door.request("BYE", cseq=2, tag=tag, route=f"{ROUTE}, {ROUTE}"), CALLER, 5)

    def cancel(self) -> None:
        """Let the caller cancel the INVITE, and so the application server."""
        self.door.receive(self._cancel_of(self._invited, CALLER), CALLER)
        self.door.receive(self._cancel_of(self._back, CALLEE), CALLEE)

    def _cancel_of(self, invite: bytes, hop: Hop) -> bytes:
        found = read(invite, hop)
        assert isinstance(found, IncomingRequest)
        request = copy_request(found.message)
        request.method = "CANCEL"
        request.headers.set("CSeq", "1 CANCEL")
        request.headers.setlist("Via", request.headers.getlist("Via")[:1])
        set_body(request, b"")
        return bytes(request)

    def _sent_back(self, added: bytes) -> bytes:
        request = copy_request(self.outer.message)
        request.uri = read_uri(f"sip:user@{INSIDE}")
        add_first(request.headers, "Via", f"SIP/2.0/UDP {CALLEE.host};branch=z9hG4bKback")
        if request.body:
            set_body(request, request.body + added)
        return bytes(request)

    def _passed_back(self, passed: IncomingResponse, added: bytes) -> bytes:
        response: Response = copy_response(passed.message)
        take_first(response.headers, "Via")
        if response.body:
            set_body(response, response.body + added)
        return bytes(response)

    def _one(self, sent: Sequence[Incoming], kind: type[M]) -> M:
        (found,) = [each for each in sent if isinstance(each, kind)]
        return found
