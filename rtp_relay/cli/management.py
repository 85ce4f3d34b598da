"""Asking the service: commands are clients of its management methods, over its local socket.

Where no service answers there, the methods that need none but the journal are carried out here, by the journal.
"""

from __future__ import annotations

import asyncio
import getpass
import http.client
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import typer

from actors.control.control import Control
from events.journal import JournalMismatch, JournalUnavailable
from gateways.mi.door import methods_of
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Methods, Role
from gateways.mi.parameters import arguments
from replay.history.timeline import printable
from rtp_relay.assembly.nodes import spec_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import load_or_exit
from rtp_relay.cli.output import fail
from rtp_relay.config import Config
from rtp_relay.service import open_journal

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds in which a service has to answer."""

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


class _Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class ServiceMethods:
    """The methods of a service that runs."""

    def __init__(self, path: Path) -> None:
        """Connect to its local socket. Raises OSError."""
        self._connection = _Connection(path)
        self._connection.connect()

    async def call(self, method: str, **params: Json) -> Json:
        """Ask the service. Nothing else goes on in a command meanwhile."""
        given = {name: value for name, value in params.items() if value is not None}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": given})
        try:
            self._connection.request("POST", "/mi", body, {"Content-Type": "application/json"})
            reply: dict[str, Any] = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()  # the next call connects anew
            raise MiError(503, "Service unavailable", f"the service did not answer: {error!r}") from None
        if "error" in reply:
            said = reply["error"]
            raise MiError(said["code"], said["message"], said.get("data"))
        return reply["result"]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


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
    config = load_or_exit(path)
    try:
        return asyncio.run(_manage(config, work))
    except MiError as error:
        refuse(error)
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal cannot be reached: {error}")
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
            control = Control(journal, configured=[spec_of(node) for node in config.nodes])
            return await work(JournalMethods(methods_of(control, config.sets.names)))
    try:
        return await work(service)
    finally:
        service.close()


def user() -> str:
    """Return who gives the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an operator"
