"""The service with a SIP door: its script, and reading that anew."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from rtp_relay.demo.phone import NoResponseError, Phone
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.rtp_relay.serving import ControlNode, serve

pytestmark = pytest.mark.e2e

SCRIPT = """
import asyncio
from pathlib import Path
from rtp_relay.routing import Request, on_request

@on_request
async def route(request: Request) -> None:
    {how}
"""


class SipNode(ControlNode):
    """A service whose SIP door has a routing script."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.sip_port = 0

    def write(self, how: str) -> None:
        """Change the script."""
        (self.folder / "route.py").write_text(SCRIPT.format(how=how))

    def prepare(self) -> None:
        self.sip_port = self.ports.take()
        self._more = f'[sip]\nlisten = ["udp:{HOST}:{self.sip_port}"]\nscript = "route.py"\n'
        super().prepare()
        self.write(self.how)

    async def asked(self, caller: Phone) -> str:
        """Call somebody, and tell what came of it."""
        try:
            await caller.invite(f"sip:nobody@{HOST}", (HOST, self.sip_port), f"call-{caller.name}")
        except NoResponseError as error:
            return str(error)
        return "accepted"

    def count(self, line: str) -> int:
        """Return how many of the log's lines have that name."""
        return sum(entry["event"] == line for entry in self.logged())

    async def reload(self, line: str) -> dict[str, object]:
        """Send SIGHUP, and give the log's line of that name when it is there."""
        before = self.count(line)
        self._signal(signal.SIGHUP)

        async def told() -> bool:
            return self.count(line) > before

        await wait_until(told, f"log line {line!r}")
        return [entry for entry in self.logged() if entry["event"] == line][-1]


@contextlib.asynccontextmanager
async def phone(name: str) -> AsyncIterator[Phone]:
    made = await Phone.open(name)
    try:
        yield made
    finally:
        made.close()


async def test_the_script_is_read_anew_and_a_broken_one_changes_nothing() -> None:
    async with SipNode('request.reply(486, "One")') as node, phone("a") as a, phone("b") as b, phone("c") as c:
        assert await node.asked(a) == "INVITE was answered with 486 One"

        node.write('request.reply(486, "Two"')
        complaint = await node.reload("not reloaded")
        assert "route.py:8: SyntaxError" in str(complaint["why"])
        assert await node.asked(b) == "INVITE was answered with 486 One"

        node.write('request.reply(486, "Two")')
        await node.reload("reloaded")
        assert await node.asked(c) == "INVITE was answered with 486 Two"


HELD = """(here := Path(__file__).parent).joinpath("begun").touch()
    while not here.joinpath("go").exists():
        await asyncio.sleep(0.01)
    request.reply(486, "One")"""


async def test_a_request_on_its_way_keeps_the_script_that_it_began_with() -> None:
    async with SipNode(HELD) as node, phone("a") as a, phone("b") as b:

        async def begun() -> bool:
            return (node.folder / "begun").exists()

        first = asyncio.create_task(node.asked(a))
        await wait_until(begun, "the script has the request")
        node.write('request.reply(486, "Two")')
        await node.reload("reloaded")
        assert await node.asked(b) == "INVITE was answered with 486 Two"
        (node.folder / "go").touch()
        assert await first == "INVITE was answered with 486 One"


async def test_a_fault_of_the_script_is_500_and_one_line_that_names_the_place() -> None:
    async with SipNode("request.uri = 1 / 0") as node, phone("a") as a:
        assert await node.asked(a) == "INVITE was answered with 500 Server Internal Error"
        (line,) = [entry for entry in node.logged() if entry["event"] == "routing script failed"]
        assert (line["line"], line["error"]) == (8, "ZeroDivisionError: division by zero")
        assert str(line["script"]).endswith("route.py")


async def test_a_script_that_decides_nothing_is_500() -> None:
    async with SipNode("pass") as node, phone("a") as a:
        assert await node.asked(a) == "INVITE was answered with 500 The routing script did not decide"


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        async with ControlNode() as node:
            config = node.folder / "second.toml"
            config.write_text(
                f'[service]\nstate_dir = "{node.folder}/two"\n[ng]\nlisten = []\n'
                f'[sip]\nlisten = ["udp:{HOST}:{port}"]\n[embedded]\nrelays = 1\nmedia_ports = "{39000}-{39019}"\n'
            )
            ended = await asyncio.to_thread(serve, config)
    assert ended.returncode == 1
    assert f"the SIP door cannot listen on udp:{HOST}:{port}: Address already in use" in ended.stderr
