"""The half of a user agent that answers requests (RFC 3261 8.2, 12.2.2, 13.3, 17.2)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from sipmessage import Request, Response

from tests.peers.ua_checks import in_dialog_faults, request_faults
from tests.peers.ua_core import Core, Header, add
from tests.peers.ua_dialog import Dialog, of_request
from tests.peers.ua_text import branches_of, parameter, sent_by, tag_of, values
from tests.peers.ua_transactions import T2, WITHIN, Arrived, Mailbox, Repeater
from tests.peers.ua_wire import Place, Tls

ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE"
PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
}
_MAKES_DIALOG = ("INVITE",)
_TELLS_CONTACT = ("INVITE", "UPDATE")


class Server(Core):
    """Takes requests, absorbs their repeats, answers CANCEL and OPTIONS; all else waits for the test to answer.

    `says_to_options` is the code that OPTIONS get, 0 for none at all.
    """

    def __init__(self, name: str, transport: str, host: str, tls: Tls | None) -> None:
        super().__init__(name, transport, host, tls)
        self.says_to_options = 200
        self._arrived: dict[tuple[str, str], Arrived] = {}
        self._requests: Mailbox[Arrived] = Mailbox(self.story)
        self._first_branch: dict[tuple[str, str, str], str] = {}

    async def request(
        self, method: str, wanted: Callable[[Arrived], bool] = lambda _: True, within: float = WITHIN
    ) -> Arrived:
        """Wait for a request of that method that is `wanted`, and take it."""
        return await self._requests.take(
            lambda came: came.request.method == method and wanted(came), f"{method} at {self.name}", within
        )

    def reply(
        self,
        arrived: Arrived,
        code: int,
        phrase: str = "",
        *,
        sdp: str = "",
        headers: Sequence[Header] = (),
        reliable: bool = False,
    ) -> None:
        """Answer a request. A reliable provisional response is repeated until its PRACK comes (RFC 3262 3)."""
        response = Response(code, phrase or PHRASES.get(code, "Other"))
        self._head(response, arrived, code)
        if reliable:
            add(response, [("Require", "100rel"), ("RSeq", str(len(arrived.reliable) + 1))], "")
        add(response, headers, sdp)
        self._answer(arrived, response, reliable=reliable)

    def _head(self, response: Response, arrived: Arrived, code: int) -> None:
        asked, headers = arrived.request.headers, response.headers
        if code > 100 and not tag_of(asked["To"]) and not arrived.to_value:
            arrived.to_value = f"{asked['To']};tag={self.name}-{secrets.token_hex(4)}"
        headers.setlist("Via", list(asked.getlist("Via")))
        for name, value in (("From", asked["From"]), ("To", arrived.to_value or asked["To"])):
            headers.add(name, value)
        headers.add("Call-ID", asked["Call-ID"])
        headers.add("CSeq", asked["CSeq"])
        headers.add("Allow", ALLOW)
        if code > 100 and arrived.request.method in _MAKES_DIALOG and asked.getlist("Record-Route"):
            headers.setlist("Record-Route", list(asked.getlist("Record-Route")))
        if 100 < code < 300 and arrived.request.method in _TELLS_CONTACT:
            headers.add("Contact", f"<{self.contact}>")

    def _answer(self, arrived: Arrived, response: Response, *, reliable: bool) -> None:
        data, place = bytes(response), _return_place(arrived)
        if place.transport != "udp" and not self._wire.connected(place):
            place = _sent_by_place(arrived)
        method, code = arrived.request.method, response.code
        assert arrived.status < 200, f"{arrived} has been answered with {arrived.status}"
        arrived.status, arrived.reply = code, (data, place)
        if 100 < code < 300 and method in _MAKES_DIALOG:
            self._make_dialog(arrived, confirmed=code >= 200)
        if 200 <= code < 300 and method in _TELLS_CONTACT and arrived.dialog is not None:
            arrived.dialog.refresh(arrived.request)
        self._send(data, place)
        if code >= 200:
            arrived.stop()
        if method == "INVITE" and code >= 200 and (place.transport == "udp" or code < 300):
            arrived.repeater = Repeater(lambda: self._send(data, place), most=T2)
        elif reliable:
            arrived.reliable[response.headers["RSeq"]] = Repeater(lambda: self._send(data, place))

    def _make_dialog(self, arrived: Arrived, *, confirmed: bool) -> None:
        if arrived.dialog is None:
            arrived.dialog = of_request(arrived.request, arrived.to_value)
            self._dialogs[arrived.dialog.key] = arrived.dialog
            self._check_description(arrived.request, arrived.dialog)
        arrived.dialog.confirmed = arrived.dialog.confirmed or confirmed

    def _request_came(self, request: Request, data: bytes, origin: Place) -> None:
        branch = branches_of(request.headers)[0]
        _complete_via(request, origin)
        arrived = Arrived(request, data, origin, branch)
        known = self._arrived.get((branch, "INVITE" if request.method == "ACK" else request.method))
        if known is not None:
            self._known_came(known, arrived)
            return
        self._blame(arrived, request_faults(request))
        if request.method == "ACK":
            self._ack_came(arrived)
        elif request.method == "CANCEL":
            self._cancel_came(arrived)
        else:
            self._arrived[branch, request.method] = arrived
            self._new_came(arrived)

    def _known_came(self, known: Arrived, arrived: Arrived) -> None:
        """Take the ACK of a failure, or absorb a repeat (RFC 3261 17.2)."""
        if arrived.request.method == "ACK":
            if known.status < 300:
                self.violation(f"{arrived} has the branch of the INVITE that it is for, which had {known.status}")
            known.acknowledged = True
            known.stop()
        elif arrived.data != known.data:
            self.violation(f"{arrived} comes again, and differs:\n{known.data.decode()}\n{arrived.data.decode()}")
        elif known.reply is not None:
            self._send(*known.reply)

    def _new_came(self, arrived: Arrived) -> None:
        request = arrived.request
        headers = request.headers
        same = (headers["Call-ID"], tag_of(headers["From"]), headers["CSeq"])
        if self._first_branch.setdefault(same, arrived.branch) != arrived.branch:
            self.violation(f"{arrived} comes over two ways, branches {self._first_branch[same]} and {arrived.branch}")
        if tag_of(headers["To"]):
            arrived.dialog = self._dialog_of(request)
            if arrived.dialog is None:
                self.violation(f"{arrived} is of no dialog of here: {headers['From']}, {headers['To']}")
                self.reply(arrived, 481)
                return
            self._check_in_dialog(arrived, arrived.dialog)
        if request.method == "PRACK":
            self._prack_came(arrived)
        if request.method == "OPTIONS" and self.says_to_options:
            self.reply(arrived, self.says_to_options)
        self._requests.put(arrived)

    def _check_in_dialog(self, arrived: Arrived, dialog: Dialog) -> None:
        uri = arrived.data.split(b" ", 2)[1].decode()
        self._blame(arrived, in_dialog_faults(arrived.request, dialog, self.uri, uri))
        self._check_description(arrived.request, dialog)
        dialog.remote_seq = max(dialog.remote_seq, arrived.request.cseq.sequence)

    def _ack_came(self, arrived: Arrived) -> None:
        """Take an ACK of a 2xx; one that comes again is absorbed (RFC 3261 13.3.1.4)."""
        dialog, number = self._dialog_of(arrived.request), arrived.request.cseq.sequence
        invites = [
            known
            for known in self._arrived.values()
            if known.request.method == "INVITE" and known.dialog is dialog and known.request.cseq.sequence == number
        ]
        if dialog is None or not invites:
            self.violation(f"{arrived} is for nothing: {arrived.request.headers['To']}")
        elif invites[0].status >= 300:
            self.violation(
                f"{arrived} has another branch than the INVITE that it is for, which had {invites[0].status}"
            )
        elif not invites[0].acknowledged:
            invites[0].acknowledged = True
            invites[0].stop()
            arrived.dialog = dialog
            self._check_in_dialog(arrived, dialog)
            self._requests.put(arrived)

    def _cancel_came(self, arrived: Arrived) -> None:
        invite = self._arrived.get((arrived.branch, "INVITE"))
        self._arrived[arrived.branch, "CANCEL"] = arrived
        self._requests.put(arrived)
        if invite is None:
            self.violation(f"{arrived} is for nothing")
            self.reply(arrived, 481)
            return
        if arrived.data.split(b" ", 2)[1] != invite.data.split(b" ", 2)[1]:
            self.violation(f"{arrived} has another Request-URI than its INVITE")
        arrived.to_value = invite.to_value
        self.reply(arrived, 200)
        if invite.status < 200:
            self.reply(invite, 487)

    def _prack_came(self, arrived: Arrived) -> None:
        """Stop repeating what a PRACK is for; its RAck must name it (RFC 3262 3)."""
        rseq, _, cseq = (arrived.request.headers.get("RAck") or "").partition(" ")
        for known in self._arrived.values():
            if known.dialog is arrived.dialog and known.request.headers["CSeq"] == cseq and rseq in known.reliable:
                known.reliable[rseq].stop()
                return
        self.violation(f"{arrived} is for nothing: RAck {rseq} {cseq}")

    def _dialog_of(self, request: Request) -> Dialog | None:
        headers = request.headers
        return self._dialogs.get((headers["Call-ID"], tag_of(headers["To"]), tag_of(headers["From"])))

    def _unacknowledged(self) -> list[str]:
        """Tell of final responses that got no ACK, and of requests that the test has not answered."""
        invites = [known for known in self._arrived.values() if known.request.method == "INVITE"]
        return [f"the {known.status} to {known} got no ACK" for known in invites if not known.acknowledged]


def _complete_via(request: Request, origin: Place) -> None:
    """Say in the top Via where the request came from (RFC 3261 18.2.1, RFC 3581 4)."""
    top, *others = values(request.headers, "Via")
    host, _ = sent_by(top)
    if parameter(top, "rport") == "":
        top = re.sub(r";\s*rport(?=\s*(?:;|$))", f";rport={origin.port};received={origin.host}", top)
    elif host != origin.host:
        top += f";received={origin.host}"
    request.headers.setlist("Via", [top, *others])


def _return_place(arrived: Arrived) -> Place:
    """Say where the responses go (RFC 3261 18.2.2, RFC 3581 4)."""
    if arrived.origin.transport != "udp":
        return arrived.origin
    place = _sent_by_place(arrived)
    return Place("udp", place.host, int(parameter(values(arrived.request.headers, "Via")[0], "rport") or place.port))


def _sent_by_place(arrived: Arrived) -> Place:
    """Say where they go when the connection that the request came over is gone."""
    via = values(arrived.request.headers, "Via")[0]
    host, port = sent_by(via)
    return Place(arrived.origin.transport, parameter(via, "received") or host, int(port))
