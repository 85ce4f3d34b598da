"""What is sent in forms, and the changes that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateways.mi.jsonrpc import Json, MiError
from rtp_relay.web.context import context_of, login_of

LONGEST: Final = 2000
"""Characters of a field at most."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The fields of a form."""

    request: web.Request
    fields: Mapping[str, object]

    @classmethod
    async def of(cls, request: web.Request) -> Forms:
        """Read the form of a request."""
        return cls(request, await request.post())

    def text(self, name: str) -> str:
        """Return a field, "" for one that is not there."""
        value = self.fields.get(name, "")
        if not isinstance(value, str) or len(value) > LONGEST:
            raise web.HTTPBadRequest(text=f"The field {name} is too long.")
        return value.strip()

    def number(self, name: str) -> int:
        """Return a field that is a whole number, 0 or more."""
        text = self.text(name)
        if not (text.isascii() and text.isdecimal() and len(text) < 8):
            raise web.HTTPBadRequest(text=f"{text!r} is no {name}: a whole number is wanted.")
        return int(text)

    @property
    def reason(self) -> str:
        """Why something is wanted; it goes into the journal."""
        return self.text("reason") or "wanted on the page"

    async def change(self, method: str, **params: Json) -> Any:
        """Change something, and return what came of it; None if it was refused, which the next page says."""
        login = login_of(self.request)
        try:
            return await context_of(self.request).there.management.change(login, method, **params)
        except MiError as error:
            login.tell(f"{error.message}: {error.data}" if error.data else error.message, failed=True)
            return None


def answer_of(path: str) -> web.Response:
    """Have the browser show a page in place of the answer to a form, so that loading it again sends nothing again."""
    return web.Response(status=303, headers={"Location": path})
