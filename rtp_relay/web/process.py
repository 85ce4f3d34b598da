"""The process of `rtp-relay web`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from gateways.mi.methods import Role
from gateways.sockets import bind
from rtp_relay import logs
from rtp_relay.config import Config
from rtp_relay.config.key_files import read_private
from rtp_relay.config.problems import Wrong
from rtp_relay.web.accounts import LEAST_TOKEN, Account, PlainToken
from rtp_relay.web.app import make_app
from rtp_relay.web.context import Context
from rtp_relay.web.logins import Logins, Tries
from rtp_relay.web.server import serving

BESIDE_SERVE: Final = 10
"""By how much nicer (nice(2)) the page is than the service beside which it runs: calls go first."""

TOKEN_FILE: Final = "web-token"

log = structlog.get_logger()


class CannotServe(Exception):
    """The page cannot be served; the text says why."""


def run(config: Config, *, beside_serve: bool = False) -> None:
    """Serve the page until SIGTERM or SIGINT; beside a service also until its end, which closes standard input.

    Raises CannotServe.
    """
    logs.set_up(config.service.log_level, config.service.log_format)
    if beside_serve:
        os.nice(BESIDE_SERVE)
    asyncio.run(_serve(config, beside_serve=beside_serve))


async def _serve(config: Config, *, beside_serve: bool) -> None:
    accounts, token = _accounts(config)
    context = Context(config, accounts, Logins(time.monotonic), Tries(time.monotonic))
    async with serving(make_app(context)) as runner:
        try:
            addresses = await _listen(runner, config)
            log.info("page", addresses=addresses, log_in=_how(config))
            if token and sys.stderr.isatty():
                print(f"rtp-relay: the operator's page: {addresses[0]}login?token={token}", file=sys.stderr)
            await _until_ended(beside_serve=beside_serve)
        finally:
            await context.feed.close()


async def _listen(runner: web.ServerRunner, config: Config) -> list[str]:
    """Listen at all addresses, and return them as a browser knows them. Raises CannotServe."""
    addresses = []
    for each in config.web.listen:
        try:
            sock = bind(each)
        except OSError as error:
            raise CannotServe(f"web.listen {each.host} port {each.port}: {error.strerror or error}") from error
        await web.SockSite(runner, sock).start()
        host, port = sock.getsockname()[:2]
        addresses.append(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
    if not addresses:
        raise CannotServe("web.listen has no address")
    return addresses


async def _until_ended(*, beside_serve: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if beside_serve:
        loop.add_reader(sys.stdin.fileno(), _heard, ended)
    await ended.wait()


def _heard(ended: asyncio.Event) -> None:
    with contextlib.suppress(BlockingIOError):
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            ended.set()


def token_file(config: Config) -> Path:
    """Return where the token is by which one logs in where no login_file says who may."""
    return config.service.state_dir / TOKEN_FILE


def _how(config: Config) -> str:
    if config.web.login_file is not None:
        return f"as {config.web.login_file} says"
    return f"with the token in {token_file(config)}"


def _accounts(config: Config) -> tuple[tuple[Account, ...], str]:
    """Return who may log in; and the token of whoever can read the service's files, where nobody else may."""
    if config.web.login_file is not None:
        return config.web.accounts, ""
    token = _own_token(token_file(config))
    return (Account("operator", Role.OPERATE, PlainToken(token)),), token


def _own_token(path: Path) -> str:
    """Return the token of a file, which is made if there is none. Raises CannotServe."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f"{secrets.token_urlsafe(24)}\n")
        token = read_private(path, "a token").decode("ascii", "replace").strip()
    except (OSError, Wrong) as error:
        raise CannotServe(f"{path}: {error}") from error
    if len(token) < LEAST_TOKEN:
        raise CannotServe(f"{path}: holds no token; remove it, and another one is made")
    return token
