"""The local socket: whose it is, and who is told to have asked."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from actors.control.control import Control
from events.memory import MemoryJournal
from gateways.mi.access import Access
from gateways.mi.door import MiDoor, MiSettings
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.local import ON_BEHALF_OF, InUse, listening
from gateways.mi.methods import Caller, Method, always
from gateways.mi.parameters import Arguments
from rtp_relay.cli.management import ANOTHER, ServiceMethods
from tests.gateways.mi.test_door import Program


async def who(given: Arguments, caller: Caller) -> Json:  # noqa: ARG001
    return [caller.name, caller.role]


@pytest_asyncio.fixture
async def door() -> AsyncIterator[MiDoor]:
    made = MiDoor(MiSettings(access=Access(allow=())), Control(MemoryJournal()), Program().hooks())
    made.methods.add(Method("who", "Says who asks.", who, changes=always))
    yield made
    await made.close()


async def ask(path: Path, method: str, **params: Any) -> Any:
    async with aclosing(ServiceMethods(path)) as service:
        return await service.call(method, **params)


async def test_who_connects_may_do_everything_under_the_name_that_the_kernel_gives(
    door: MiDoor, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "local.sock"
    await door.open_local(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert await ask(path, "who") == [f"{getpass.getuser()} (local socket)", "operate"]
    assert (await ask(path, "help", mi_cmd="who"))["Help"] == "Says who asks."
    with pytest.raises(MiError, match="Method not found") as unknown:
        await ask(path, "whom")
    assert unknown.value.data == ANOTHER
    await door.close()
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        ServiceMethods(path)


async def test_who_has_no_name_has_a_number(door: MiDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("gateways.mi.local.pwd.getpwuid", unknown)
    await door.open_local(tmp_path / "local.sock")
    assert (await ask(tmp_path / "local.sock", "who"))[0] == f"user {os.getuid()} (local socket)"


async def test_what_a_dead_program_left_is_in_nobodys_way(door: MiDoor, tmp_path: Path) -> None:
    path = tmp_path / "local.sock"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as dead:
        dead.bind(str(path))
    await door.open_local(path)
    assert await ask(path, "which", command="who") == [[]]


async def test_a_socket_that_is_in_use_stays_whose_it_is(door: MiDoor, tmp_path: Path) -> None:
    path = tmp_path / "local.sock"
    await door.open_local(path)
    with pytest.raises(InUse, match="another program listens at"):
        listening(path)
    assert (await ask(path, "who"))[1] == "operate"


async def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("x")
    with pytest.raises(OSError, match="in use"):
        listening(path)
    assert path.read_text() == "x"


async def test_requests_are_checked_as_anywhere(door: MiDoor, tmp_path: Path) -> None:
    path = tmp_path / "local.sock"
    await door.open_local(path)
    reader, writer = await asyncio.open_unix_connection(str(path))
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "who"})
    writer.write(f"POST /mi HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert b"415" in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("said", "told"), [("alice (page)", "alice (page), by "), ("x" * 200, "x" * 100 + ", by "), ("a\tb", "a\\tb, by ")]
)
async def test_who_asks_for_somebody_else_says_so(door: MiDoor, tmp_path: Path, said: str, told: str) -> None:
    path = tmp_path / "local.sock"
    await door.open_local(path)
    body = {"jsonrpc": "2.0", "id": 1, "method": "who"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.post("http://localhost/mi", json=body, headers={ON_BEHALF_OF: said}) as answer,
    ):
        assert (await answer.json())["result"] == [f"{told}{getpass.getuser()} (local socket)", "operate"]
