"""The page as a process beside a service."""

from __future__ import annotations

import signal
import socket

import aiohttp
import psutil
import pytest

from tests.peers.peer import wait_until
from tests.peers.ports import HOST, PortBlock
from tests.rtp_relay.serving import ControlNode

pytestmark = pytest.mark.e2e


def page_of(node: ControlNode) -> psutil.Process | None:
    """Return the process of the page beside a service."""
    return next((one for one in psutil.Process(node.pid).children() if "web" in one.cmdline()), None)


async def address_of(node: ControlNode) -> str:
    """Return where the page says that it is."""

    async def told() -> bool:
        return any(line["event"] == "page" for line in node.logged())

    await wait_until(told, "the page tells its address", within=30)
    (line,) = [line for line in node.logged() if line["event"] == "page"]
    return str(line["addresses"][0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_the_page_is_there_with_an_embedded_service_and_goes_with_it(
    number: signal.Signals, ports: PortBlock
) -> None:
    async with ControlNode(f'[web]\nlisten = ["{HOST}:{ports.take()}"]\n') as node:
        address = await address_of(node)
        page = page_of(node)
        assert page is not None
        token = (node.folder / "web-token").read_text().strip()
        assert (node.folder / "web-token").stat().st_mode & 0o777 == 0o600
        assert token not in node.log(10_000)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:

            async def shows() -> bool:
                async with session.get(f"{address}login?token={token}") as answer:
                    return answer.status == 200 and "relay-2" in await answer.text()

            await wait_until(shows, "the overview has the nodes", within=20)
            async with session.get(f"{address}tail/events") as tail:  # somebody looks on to the end
                assert tail.status == 200
                assert node._signal(number)
                await node.ended(20)

        async def gone() -> bool:
            return not page.is_running() or page.status() == psutil.STATUS_ZOMBIE

        await wait_until(gone, "the page has ended", within=20)
        assert "Traceback" not in node.log(10_000)


async def test_a_page_that_was_killed_is_begun_again(ports: PortBlock) -> None:
    async with ControlNode(f'[web]\nlisten = ["{HOST}:{ports.take()}"]\n') as node:
        address = await address_of(node)
        first = page_of(node)
        assert first is not None
        first.kill()
        async with aiohttp.ClientSession() as session:

            async def is_back() -> bool:
                other = page_of(node)
                if other is None or other == first:
                    return False
                try:
                    async with session.get(f"{address}login") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await wait_until(is_back, "another page is there", within=30)
        node.terminate()
        assert await node.ended(20) == 0
        assert "the page has died and is begun again" in node.log(10_000)


async def test_a_service_goes_on_without_a_page_where_its_address_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        async with ControlNode(f'[web]\nlisten = ["{HOST}:{taken}"]\n') as node:

            async def said() -> bool:
                return "no operator's page, the service goes on without" in node.log(10_000)

            await wait_until(said, "it is said that there is no page", within=30)
            assert f"web.listen {HOST} port {taken}: Address already in use" in node.log(10_000)
            assert await node.ready()
            node.terminate()
            assert await node.ended(20) == 0
