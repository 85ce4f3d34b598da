"""The half of a user agent that sends requests (RFC 3261 8.1, 13.2, 14.1, 17.1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sipmessage import URI, Request, Response

from tests.peers.ua_checks import response_faults
from tests.peers.ua_core import Core, Header, add, fill
from tests.peers.ua_dialog import Dialog, of_response
from tests.peers.ua_text import branches_of, place_of, tag_of
from tests.peers.ua_transactions import PATIENCE, T2, Mailbox, Repeater, Sent
from tests.peers.ua_wire import Place, Tls

_REFRESHING = ("INVITE", "UPDATE")


class Client(Core):
    """Sends requests, repeats them over UDP, takes the responses, and sends the ACKs for failures."""

    def __init__(self, name: str, transport: str, host: str, tls: Tls | None) -> None:
        super().__init__(name, transport, host, tls)
        self._sent: dict[tuple[str, str], Sent] = {}

    def ask(
        self,
        method: str,
        uri: str,
        proxy: Place | None = None,
        *,
        sdp: str = "",
        headers: Sequence[Header] = (),
        call_id: str = "",
    ) -> Sent:
        """Send a request outside of any dialog, to `proxy` or to where its `uri` says."""
        request = Request(method, URI.parse(uri))
        own = f'"{self.user}" <sip:{self.user}@example.com>;tag={self.name}-{secrets.token_hex(4)}'
        fill(request, own, f"<{uri}>", call_id or f"{secrets.token_hex(8)}@{self.name}", f"1 {method}")
        add(request, headers, sdp)
        return self._transmit(request, proxy or place_of(uri))

    def invite(
        self,
        uri: str,
        proxy: Place | None = None,
        *,
        sdp: str = "",
        headers: Sequence[Header] = (),
        call_id: str = "",
    ) -> Sent:
        """Invite somebody to a call, with an offer or without."""
        return self.ask(
            "INVITE", uri, proxy, sdp=sdp, headers=[*headers, ("Supported", "100rel, timer")], call_id=call_id
        )

    def send(self, dialog: Dialog, method: str, *, sdp: str = "", headers: Sequence[Header] = ()) -> Sent:
        """Send a request in a dialog."""
        dialog.local_seq += 1
        request = self._in_dialog(dialog, method, dialog.local_seq, headers, sdp)
        return self._transmit(request, self._next_hop(dialog), dialog)

    def ack(self, sent: Sent, response: Response | None = None, *, sdp: str = "") -> None:
        """Acknowledge a 2xx, the one to `sent` if none is named. It is sent again whenever the 2xx comes again."""
        final = response or sent.final
        assert final is not None, f"{sent} has no final response"
        dialog = sent.dialog_of(final)
        request = self._in_dialog(dialog, "ACK", sent.request.cseq.sequence, (), sdp)
        place = self._next_hop(dialog)
        request.headers.set("Via", self._via(place, self._new_branch()))
        sent.acks[tag_of(dialog.remote)] = bytes(request), place
        self._send(*sent.acks[tag_of(dialog.remote)])

    def cancel(self, sent: Sent) -> Sent:
        """Cancel an INVITE that has had a provisional response (RFC 3261 9.1)."""
        assert sent.responses, f"{sent} has no provisional response"
        request = self._same_hop("CANCEL", sent, sent.request.headers["To"])
        return self._keep(request, sent.place, sent.branch)

    def prack(self, sent: Sent, response: Response, *, sdp: str = "") -> Sent:
        """Acknowledge a reliable provisional response (RFC 3262 4)."""
        rack = f"{response.headers['RSeq']} {response.headers['CSeq']}"
        return self.send(sent.dialog_of(response), "PRACK", sdp=sdp, headers=[("RAck", rack)])

    def _transmit(self, request: Request, place: Place, dialog: Dialog | None = None) -> Sent:
        branch = self._new_branch()
        request.headers.set("Via", self._via(place, branch))
        if request.method in _REFRESHING:
            request.headers.set("Contact", f"<{self.contact}>")
        return self._keep(request, place, branch, dialog)

    def _keep(self, request: Request, place: Place, branch: str, dialog: Dialog | None = None) -> Sent:
        """Send a request, and keep it to match responses to it."""
        sent = Sent(request, place, branch, Mailbox(self.story), dialog)
        self._sent[branch, request.method] = sent
        data = bytes(request)
        self._send(data, place)
        if place.transport == "udp":
            most = PATIENCE if request.method == "INVITE" else T2
            sent.repeater = Repeater(lambda: self._send(data, place), most=most)
        return sent

    def _same_hop(self, method: str, sent: Sent, to_value: str) -> Request:
        """Make what goes where an INVITE went, with its branch: CANCEL, or ACK of a failure (9.1, 17.1.1.3)."""
        asked = sent.request.headers
        request = Request(method, sent.request.uri)
        fill(request, asked["From"], to_value, asked["Call-ID"], f"{sent.request.cseq.sequence} {method}")
        request.headers.set("Via", asked["Via"])
        for route in asked.getlist("Route"):
            request.headers.add("Route", route)
        add(request, (), "")
        return request

    def _response_came(self, response: Response) -> None:
        branch = next(iter(branches_of(response.headers)), "")
        sent = self._sent.get((branch, response.cseq.method))
        if sent is None:
            self.violation(f"{response.code} {response.headers['CSeq']} answers nothing that was sent")
            return
        self._blame(f"{response.code} to {sent}", response_faults(response, sent))
        self._hush(sent, response)
        again = any(bytes(known) == bytes(response) for known in sent.responses)
        if response.code >= 300 and sent.request.method == "INVITE":
            self._send(bytes(self._same_hop("ACK", sent, response.headers["To"])), sent.place)
        elif response.code > 100:
            self._learn(sent, response)
        if again:
            return
        self._check_description(response, sent.within or sent.dialogs.get(tag_of(response.headers["To"])))
        sent.responses.append(response)
        sent.mailbox.put(response)

    def _hush(self, sent: Sent, response: Response) -> None:
        if response.code >= 200 or sent.request.method == "INVITE":
            sent.stop()
        elif sent.repeater is not None:
            sent.repeater.slow_down()

    def _learn(self, sent: Sent, response: Response) -> None:
        """Take what a response says of the dialog; a 2xx that comes again gets its ACK again."""
        tag, success = tag_of(response.headers["To"]), 200 <= response.code < 300
        if ack := sent.acks.get(tag) if success else None:
            self._send(*ack)
        elif sent.within is not None:
            if success and sent.request.method in _REFRESHING:
                sent.within.refresh(response)
        elif sent.request.method == "INVITE":
            self._learn_dialog(sent, tag, of_response(response), confirmed=success)

    def _learn_dialog(self, sent: Sent, tag: str, made: Dialog, *, confirmed: bool) -> None:
        dialog = sent.dialogs.get(tag)
        if dialog is None:
            dialog = sent.dialogs[tag] = self._dialogs[made.key] = made
        elif made.target:
            # RFC 3261 13.2.2.4: the 2xx has the last word on the route set.
            dialog.target, dialog.routes = made.target, made.routes if confirmed else dialog.routes
        dialog.confirmed = dialog.confirmed or confirmed

    def _unanswered(self) -> list[str]:
        """Tell of requests that got no final response, and of 2xx that got no ACK."""
        silent = [f"{sent} got no final response" for sent in self._sent.values() if sent.final is None]
        answers = [
            (sent, dialog)
            for sent in self._sent.values()
            for dialog in _answered(sent)
            if sent.request.method == "INVITE"
        ]
        return silent + [f"the 2xx to {sent} got no ACK" for sent, tag in answers if tag not in sent.acks]


def _answered(sent: Sent) -> list[str]:
    return [tag_of(response.headers["To"]) for response in sent.responses if 200 <= response.code < 300]
