"""A client of somebody else's management interface: JSON-RPC 2.0 over HTTP, as OpenSIPS' mi_http takes it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from events.errors import error_text

MAX_REPLY = 64 * 1024
"""Bytes of a reply that are read; no answer that is looked at here is longer."""


class MiRefused(Exception):
    """The other side did not do it, or did not say that it did; the message says why."""


class MiClient:
    """Asks one management interface. timeout: seconds for a request and its reply."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method and return its result. Raises MiRefused."""
        request = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": dict(params)}
        try:
            reply = await self._post(request)
        except TimeoutError:
            raise MiRefused(f"no reply within {self._timeout.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise MiRefused(error_text(error)) from error
        return _result(reply, request["id"])

    async def _post(self, request: Mapping[str, Any]) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        async with self._session.post(self._url, json=request, allow_redirects=False) as response:
            # The errors of a method come with status 200 from OpenSIPS, and with others from other servers.
            return await _read(response.content)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # the connector closes its sockets in the loop's next turn


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Read a reply to its end. Raises MiRefused for one that is too long."""
    reply = b""
    async for piece in content.iter_any():
        reply += piece
        if len(reply) > MAX_REPLY:
            raise MiRefused(f"a reply of more than {MAX_REPLY} bytes")
    return reply


def _result(reply: bytes, number: object) -> Any:
    """Return the result in a reply to the request of this number. Raises MiRefused."""
    try:
        said = json.loads(reply)
    except ValueError:
        raise MiRefused(f"a reply that is no JSON: {reply[:80]!r}") from None
    if not isinstance(said, dict) or said.get("id") != number:
        raise MiRefused(f"a reply that is none to the request: {reply[:80]!r}")
    error = said.get("error")
    if isinstance(error, dict):
        raise MiRefused(" ".join(str(error[key]) for key in ("code", "message", "data") if error.get(key)))
    if "result" not in said:
        raise MiRefused(f"a reply without a result: {reply[:80]!r}")
    return said["result"]
