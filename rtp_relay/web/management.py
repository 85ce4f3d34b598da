"""Changes, asked of the service by its local socket, as the command line does; each with who wants it.

Where no service answers there, what needs none but the journal is carried out by the journal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from actors.control.control import Control
from engines.set_names import SetNames
from gateways.mi.door import methods_of
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.local import ON_BEHALF_OF
from gateways.mi.methods import Caller
from gateways.mi.parameters import arguments
from rtp_relay.web.logins import Login

PATIENCE: Final = 60.0
"""Seconds in which the service has to answer; a move may take nearly as long."""

log = structlog.get_logger()


class Management:
    """Carries methods out for those who are logged in."""

    def __init__(self, socket: Path, control: Control, sets: SetNames) -> None:
        """Make it: the service's local socket, and what there is without a service."""
        self._methods = methods_of(control, sets)
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def change(self, login: Login, method: str, **params: Json) -> Any:
        """Change something, and say in the log who did. None counts as not given. Raises MiError, JournalError."""
        if not login.may_change:
            raise MiError(403, "Forbidden", f"{login.name} may only look")
        given = {name: value for name, value in params.items() if value is not None}
        log.info("change by the page", method=method, params=given, by=login.name)
        try:
            return await self._ask(login, method, given)
        except aiohttp.ClientConnectorError:
            found = self._methods.find(method)
            return await found.handler(arguments(found.recipes, given), Caller(f"{login.name} (page)", login.role))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise MiError(503, "Service unavailable", f"the service did not answer: {error!r}") from None

    async def _ask(self, login: Login, method: str, given: dict[str, Json]) -> Any:
        if self._session is None:
            connector = aiohttp.UnixConnector(path=str(self._socket))
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE))
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": given}
        headers = {ON_BEHALF_OF: f"{login.name} (page)"}
        async with self._session.post("http://localhost/mi", json=body, headers=headers) as response:
            reply: dict[str, Any] = json.loads(await response.read())
        if "error" in reply:
            said = reply["error"]
            raise MiError(said["code"], said["message"], said.get("data"))
        return reply["result"]

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
