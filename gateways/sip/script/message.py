"""What all views have of a SIP message, and of the settings of the call that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sipmessage import Request, Response

from events.values import value
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.headers import copied
from gateways.sip.messages.making import set_body
from gateways.sip.messages.text import to_bytes
from gateways.sip.messages.uris import TextURI, read_uri
from gateways.sip.script.decisions import RoutingError
from gateways.sip.script.headers import Headers, checked_text
from gateways.sip.script.names import Named
from gateways.sip.script.variables import CallVariables, ContextSettings, FlagsText, LegSettings, flags_from
from replay.relay_settings import CALLEE, CALLER

Undo = Callable[[], None]


class MessageView(Named):
    """A message that is going to be sent. What is changed of it is changed in what is sent."""

    __slots__ = ("_message",)

    _message: Request | Response

    @property
    def headers(self) -> Headers:
        """Its headers."""
        return Headers(self._message)

    @property
    def body(self) -> bytes:
        """Its body. Content-Length follows it; for another kind of body, set the content type, too."""
        return self._message.body

    @body.setter
    def body(self, body: str | bytes) -> None:
        set_body(self._message, to_bytes(body) if isinstance(body, str) else body)

    @property
    def content_type(self) -> str:
        """Its Content-Type, "" without one."""
        return self._message.headers.get("Content-Type") or ""

    @content_type.setter
    def content_type(self, text: str) -> None:
        self._message.headers.set("Content-Type", checked_text("Content-Type", text))

    def _mark(self) -> Undo:
        """Return what brings the view back to what it is now, should a script function fail."""
        return marked(self._message)

    def _draft(self) -> AbstractContextManager[None]:
        """Return the context in which a script function may write settings."""
        return nullcontext()


@value
class Side:
    """Whose settings a message's `rtp_relay` are: a leg's (caller, callee), in a branch, "" for all."""

    settings: CallSettings
    leg: str
    branch: str

    @property
    def peer(self) -> str:
        """The other leg."""
        return CALLEE if self.leg == CALLER else CALLER


class CallView(MessageView):
    """A message of a call, with the documentation's variables."""

    __slots__ = ("_side",)

    _side: Side

    @property
    def rtp_relay(self) -> LegSettings:
        """The settings of the leg that the message stands for; a text assigned to it sets its flags."""
        return LegSettings(self._side.settings, self._side.leg, self._side.branch, CALLEE)

    @rtp_relay.setter
    def rtp_relay(self, flags: FlagsText) -> None:
        self.rtp_relay.flags = flags_from("rtp_relay", flags)

    @property
    def rtp_relay_peer(self) -> LegSettings:
        """The settings of the other leg; a text assigned to it sets its flags."""
        return LegSettings(self._side.settings, self._side.peer, self._side.branch, CALLER)

    @rtp_relay_peer.setter
    def rtp_relay_peer(self, flags: FlagsText) -> None:
        self.rtp_relay_peer.flags = flags_from("rtp_relay_peer", flags)

    @property
    def rtp_relay_ctx(self) -> ContextSettings:
        """The settings of the call as a whole."""
        return ContextSettings(self._side.settings)

    @property
    def vars(self) -> CallVariables:
        """The script's own variables of this call."""
        return CallVariables(self._side.settings)

    def _draft(self) -> AbstractContextManager[None]:
        return self._side.settings.draft()


def side_of(view: CallView) -> Side:
    """Return whose settings a view has."""
    return view._side  # noqa: SLF001 scripts are not to see it


@contextmanager
def attempt(view: MessageView) -> Iterator[None]:
    """Undo what a script function has done to a view and its call's settings, if it ends with an exception."""
    undo = view._mark()  # noqa: SLF001
    try:
        with view._draft():  # noqa: SLF001
            yield
    except BaseException:
        undo()
        raise


def marked(message: Request | Response) -> Undo:
    """Return what brings a message back to what it is now."""
    headers, body = copied(message.headers), message.body
    uri = message.uri if isinstance(message, Request) else None

    def undo() -> None:
        message.headers, message.body = headers, body
        if isinstance(message, Request) and uri is not None:
            message.uri = uri

    return undo


def uri_from(text: str) -> TextURI:
    """Read a URI that a script gave. Raises RoutingError."""
    try:
        uri = read_uri(text)
    except (ValueError, TypeError) as error:
        raise RoutingError(f"{text!r} is no URI ({error}); expected one like sip:bob@192.0.2.1:5060") from None
    if uri.headers:
        raise RoutingError(f"{text!r} is no URI that a request can go to: there are headers behind the question mark")
    return uri


def next_hop_from(text: str | None) -> TextURI | None:
    """Read the URI of a next hop; None without one. Raises RoutingError."""
    if text is None:
        return None
    uri = uri_from(text)
    if uri.scheme not in ("sip", "sips"):
        raise RoutingError(f"{text!r} is no URI that a request can be sent to; expected one like sip:192.0.2.1:5060")
    return uri
