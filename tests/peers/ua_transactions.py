"""Requests that a user agent sent and got, what became of them, and their repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sipmessage import Request, Response

from tests.peers.ua_dialog import Dialog
from tests.peers.ua_text import tag_of
from tests.peers.ua_wire import Place

T = TypeVar("T")
T1 = 0.5
T2 = 4.0
PATIENCE = 64 * T1
WITHIN = 10.0


class Mailbox(Generic[T]):
    """What came and was not taken yet. `story` tells, for an error, what has happened."""

    def __init__(self, story: Callable[[], str]) -> None:
        self._items: list[T] = []
        self._news = asyncio.Event()
        self._story = story

    def put(self, item: T) -> None:
        """Add what came."""
        self._items.append(item)
        self._news.set()

    async def take(
        self, wanted: Callable[[T], bool], what: str, within: float = WITHIN, hopeless: Callable[[], bool] | None = None
    ) -> T:
        """Take the first that is wanted, now or later; raise `TimeoutError` after a time, or when it is hopeless."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for item in self._items:
                        if wanted(item):
                            self._items.remove(item)
                            return item
                    if hopeless is not None and hopeless():
                        raise TimeoutError
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            message = f"{what} did not come\n{self._story()}"
            raise TimeoutError(message) from error


class Repeater:
    """Sends something again and again, at doubling intervals, until it is stopped or patience is at its end."""

    def __init__(self, send: Callable[[], None], *, most: float = PATIENCE) -> None:
        self._send = send
        self._most = most
        self._interval = T1
        self._waited = 0.0
        self._timer = asyncio.get_running_loop().call_later(T1, self._again)

    def stop(self) -> None:
        """Send it no more."""
        self._timer.cancel()

    def slow_down(self) -> None:
        """Send it rarely from now on: there was a provisional response (RFC 3261 17.1.2.2)."""
        self._interval = T2

    def _again(self) -> None:
        self._waited += self._interval
        self._interval = min(2 * self._interval, self._most)
        if self._waited + self._interval <= PATIENCE:
            self._send()
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._again)


@dataclass(slots=True)
class Sent:
    """A request that was sent. `dialogs` are those that an INVITE made, by the peers' tags."""

    request: Request
    place: Place
    branch: str
    mailbox: Mailbox[Response]
    within: Dialog | None = None
    responses: list[Response] = field(default_factory=list)
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    acks: dict[str, tuple[bytes, Place]] = field(default_factory=dict)
    repeater: Repeater | None = None

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.headers['CSeq']}"

    @property
    def final(self) -> Response | None:
        """The first final response, if there is one yet."""
        return next((response for response in self.responses if response.code >= 200), None)

    @property
    def dialog(self) -> Dialog:
        """The dialog that it was sent in, else the one that its 2xx has made, else the first early one."""
        if self.within is not None:
            return self.within
        confirmed = [dialog for dialog in self.dialogs.values() if dialog.confirmed]
        return next(iter([*confirmed, *self.dialogs.values()]))

    def dialog_of(self, response: Response) -> Dialog:
        """The dialog that a response belongs to."""
        return self.within or self.dialogs[tag_of(response.headers["To"])]

    async def response(self, code: int, within: float = WITHIN) -> Response:
        """Wait for a response with that code, and take it; with a final one of another code that is an error."""

        def hopeless() -> bool:
            return self.final is not None and self.final.code // 100 != 2

        return await self.mailbox.take(lambda got: got.code == code, f"{code} to {self}", within, hopeless)

    def stop(self) -> None:
        """Send it no more."""
        if self.repeater is not None:
            self.repeater.stop()
            self.repeater = None


@dataclass(slots=True)
class Arrived:
    """A request that came, from `origin`. reply: the newest response, as it was sent, and where it went."""

    request: Request
    data: bytes
    origin: Place
    branch: str
    dialog: Dialog | None = None
    to_value: str = ""
    status: int = 0
    reply: tuple[bytes, Place] | None = None
    repeater: Repeater | None = None
    acknowledged: bool = False
    reliable: dict[str, Repeater] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.headers['CSeq']}"

    @property
    def body(self) -> bytes:
        """The request's body."""
        return self.request.body

    @property
    def in_dialog(self) -> Dialog:
        """The dialog it came in or has made."""
        assert self.dialog is not None, f"{self} has no dialog"
        return self.dialog

    def stop(self) -> None:
        """Repeat nothing more of what was replied."""
        for repeater in (self.repeater, *self.reliable.values()):
            if repeater is not None:
                repeater.stop()
