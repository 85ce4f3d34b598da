"""Who is logged in, in this process's memory: a restart of the page logs everybody out, and nothing else does harm."""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateways.mi.methods import Role
from rtp_relay.web.accounts import Account

LASTS: Final = 12 * 3600.0
"""Seconds after which somebody has to log in again."""

MOST: Final = 1000
"""So many are logged in at most; then the oldest one has to log in again."""

TRIES: Final = 10
"""So many wrong secrets are taken from one address within `TRIES_IN` seconds."""

TRIES_IN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of something that was asked for."""

    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody's session. form_token: what each form that changes something has to bring along. until: by the clock.

    notices: what there is to tell of what this one did, on the next page.
    """

    key: str = field(repr=False)
    name: str
    role: Role
    until: float
    form_token: str = field(repr=False)
    notices: list[Notice] = field(default_factory=list)

    @property
    def may_change(self) -> bool:
        """Whether this one may change things."""
        return self.role is Role.OPERATE

    def tell(self, text: str, *, failed: bool = False) -> None:
        """Have something told on the next page."""
        self.notices.append(Notice(text, failed))

    def take_notices(self) -> tuple[Notice, ...]:
        """Return what there is to tell, once."""
        told = tuple(self.notices)
        self.notices.clear()
        return told

    def sent(self, form_token: str) -> bool:
        """Return whether a form is of a page that this one was given."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode("utf-8", "replace"))


class Logins:
    """All sessions. clock: seconds, going on evenly."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logins: dict[str, Login] = {}

    def begin(self, account: Account) -> Login:
        """Log somebody in."""
        self._forget_old()
        while len(self._logins) >= MOST:
            del self._logins[next(iter(self._logins))]
        key, form_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        login = Login(key, account.name, account.role, self._clock() + LASTS, form_token)
        self._logins[key] = login
        return login

    def of(self, key: str) -> Login | None:
        """Return whose session a cookie names, None if that is none's."""
        login = self._logins.get(key)
        return login if login is not None and self._clock() < login.until else None

    def end(self, key: str) -> None:
        """Log somebody out."""
        self._logins.pop(key, None)

    def _forget_old(self) -> None:
        now = self._clock()
        for key in [key for key, login in self._logins.items() if login.until <= now]:
            del self._logins[key]


class Tries:
    """Wrong secrets, by the address that they came from. clock: as above."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def too_many(self, address: str) -> bool:
        """Return whether no more secrets are looked at from there for now."""
        self._forget_old()
        return len(self._wrong.get(address, ())) >= TRIES

    def failed(self, address: str) -> None:
        """Note a wrong secret."""
        self._wrong.setdefault(address, deque(maxlen=TRIES)).append(self._clock())

    def _forget_old(self) -> None:
        begin = self._clock() - TRIES_IN
        for address, times in list(self._wrong.items()):
            while times and times[0] <= begin:
                times.popleft()
            if not times:
                del self._wrong[address]
