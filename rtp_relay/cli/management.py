"""Asking the service: commands are clients of its management methods, over its local socket.

Where no service answers there, the methods that need none but the journal are carried out here, by the journal.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import aiohttp
import typer

from actors.control.control import Control
from events.journal import Journal, JournalMismatch, JournalUnavailable
from gateways.mi.door import methods_of
from gateways.mi.jsonrpc import METHOD_NOT_FOUND, Json, MiError
from gateways.mi.methods import Caller, Methods, Role
from gateways.mi.parameters import arguments
from replay.history.timeline import printable
from rtp_relay.assembly.errors import what_ails
from rtp_relay.assembly.nodes import spec_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import load_or_exit
from rtp_relay.cli.output import fail
from rtp_relay.config import Config
from rtp_relay.service import open_journal

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds in which a service has to answer."""

ANOTHER = "the service that runs here is of another version, and does not know this command: restart it"
"""What is said where a method is not there: this command line asks for those of its own version alone."""

_EXITS = {
    400: Exit.USAGE,
    404: Exit.NOT_FOUND,
    503: Exit.UNREACHABLE,
    -32602: Exit.USAGE,
}


class Management(Protocol):
    """Who carries management methods out."""

    async def call(self, method: str, **params: Json) -> Json:
        """Carry a method out with these parameters, of which None counts as not given. Raises MiError."""


class ServiceMethods:
    """The methods of a service that runs."""

    def __init__(self, path: Path) -> None:
        """See that somebody listens at its local socket. Raises OSError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(path))
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, **params: Json) -> Json:
        """Ask the service."""
        given = {name: value for name, value in params.items() if value is not None}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": given}
        try:
            async with self._connected().post("http://localhost/mi", json=body) as response:
                reply: dict[str, Any] = json.loads(await response.read())
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise MiError(503, "Service unavailable", f"the service did not answer: {error!r}") from None
        if "error" in reply:
            said = reply["error"]
            unknown = said["code"] == METHOD_NOT_FOUND
            raise MiError(said["code"], said["message"], ANOTHER if unknown else said.get("data"))
        return reply["result"]

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(str(self._path))
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE))
        return self._session

    async def aclose(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()


class JournalMethods:
    """The methods that need no service."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self._caller = Caller(f"{user()} (command line)", Role.OPERATE)

    async def call(self, method: str, **params: Json) -> Json:
        """Carry the method out."""
        found = self._methods.find(method)
        given = {name: value for name, value in params.items() if value is not None}
        return await found.handler(arguments(found.recipes, given), self._caller)


def manage(path: Path | None, work: Callable[[Management], Awaitable[T]]) -> T:
    """Return what `work` comes to with the service of a configuration, or else by the journal; end when it fails."""
    return _carried_out(_manage(load_or_exit(path), work))


def manage_with_journal(path: Path | None, work: Callable[[Management, Journal], Awaitable[T]]) -> T:
    """Return what `work` comes to with the service of a configuration and its journal; end when it fails."""
    config = load_or_exit(path)

    async def with_journal() -> T:
        async with open_journal(config) as journal:
            return await _manage(config, lambda service: work(service, journal))

    return _carried_out(with_journal())


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except MiError as error:
        refuse(error)
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal {what_ails(error)}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")


def refuse(error: MiError) -> NoReturn:
    """End as an error of a method says."""
    fail(_EXITS.get(error.code, Exit.FAILED), str(error.data or error.message))


async def _manage(config: Config, work: Callable[[Management], Awaitable[T]]) -> T:
    try:
        service = ServiceMethods(config.local_socket)
    except OSError as error:
        typer.echo(
            f"rtp-relay: no service answers at {printable(str(config.local_socket))} ({error.strerror or error}):"
            " the journal is asked",
            err=True,
        )
        async with open_journal(config) as journal:
            control = Control(
                journal, configured=[spec_of(node) for node in config.nodes], numbers=config.privacy.shown
            )
            return await work(JournalMethods(methods_of(control, config.sets.names)))
    try:
        return await work(service)
    finally:
        await service.aclose()


def user() -> str:
    """Return who gives the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an operator"
