"""ng over HTTP and WebSockets, byte by byte as a real rtpengine answers, and what is asked more of it here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from engines.ng.bencode import decode
from gateways.ng import http, websocket
from tests.gateways.doors import QUERY
from tests.gateways.test_ng_door import OK, Address, Opened, opened
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine

PING = b"d7:command4:pinge"
NG, JSON = "application/x-rtpengine-ng", "application/json"
WEB = Address("http", "127.0.0.1")


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def typed(kind: str) -> str:
    return f"Content-Type: {kind}"


async def answer(port: int, request: bytes) -> tuple[int, str, bytes]:
    """Return the status, the type and the body with which a server answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        status = int((await reader.readline()).split()[1])
        headers = {}
        while (line := await reader.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return status, headers["content-type"], body


SAME = {
    "ping by GET": b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET of what is not there": b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET of what is for POST": b"GET /ng HTTP/1.1\r\nHost: x\r\n\r\n",
    "ping": post("/ng", b"1_1 " + PING, typed(NG)),
    "type in capitals": post("/ng", b"1_11 " + PING, typed(NG.upper())),
    "JSON": post("/ng", b'1_2 {"command":"ping"}', typed(NG)),
    "with a query": post("/ng?x=1", b"1_3 " + PING, typed(NG)),
    "error": post("/ng", b"1_4 d7:command5:offere", typed(NG)),
    "not ng": post("/ng", b"1_5 xxx", typed(NG)),
    "no cookie": post("/ng", PING, typed(NG)),
    "nothing": post("/ng", b"", typed(NG)),
    "JSON's type": post("/ng", b'1_6 {"command":"ping"}', typed(JSON)),
    "another type": post("/ng", b"1_7 " + PING, typed("text/plain")),
    "type with more": post("/ng", b"1_8 " + PING, typed(f"{NG}; charset=utf-8")),
    "another path": post("/ng/", b"1_9 " + PING, typed(NG)),
}


def read(body: bytes) -> tuple[bytes, object]:
    """Return cookie and content: a dictionary's keys have no order."""
    cookie, _, content = body.partition(b" ")
    return cookie, decode(content) if content[:1] == b"d" else content


@pytest.mark.e2e
async def test_the_answers_are_those_of_an_rtpengine() -> None:
    async with Rtpengine(http=True) as relay, opened(WEB) as there:
        for name, request in SAME.items():
            theirs, ours = await answer(relay.http_port, request), await answer(there.address[1], request)
            assert (name, *ours[:2], read(ours[2])) == (name, *theirs[:2], read(theirs[2]))
            assert len(ours[2]) == len(theirs[2])


@pytest.mark.e2e
async def test_websockets_answer_as_those_of_an_rtpengine() -> None:
    async with Rtpengine(http=True) as relay, opened(WEB) as there:
        said = []
        for port in (relay.http_port, there.address[1]):
            async with connected(port) as socket:
                replies = []
                for message in (b"2_1 " + PING, b"2_2 xx", b"2_3 d7:command5:offere"):
                    await socket.send_bytes(message)
                    replies.append(await socket.receive(10))
                await socket.send_str('2_4 {"command":"ping"}')
                replies.append(await socket.receive(10))
                said.append([(reply.type, read(reply.data)) for reply in replies])
        assert said[0] == said[1]


@asynccontextmanager
async def connected(
    port: int, protocol: str = "ng.rtpengine.com", path: str = "/", **headers: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"http://127.0.0.1:{port}{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=[protocol], headers=headers) as socket,
    ):
        assert socket.protocol == protocol
        yield socket


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [(NG, PING, b"d6:result4:ponge"), (JSON, b'{"command":"ping"}', b'{"result":"pong"}'), (JSON, QUERY, OK)],
)
async def test_plain_requests_have_no_cookie_and_are_each_carried_out(kind: str, body: bytes, expected: bytes) -> None:
    async with opened(WEB) as there:
        for _ in range(2):
            assert await answer(there.address[1], post("/ng-plain", body, typed(kind))) == (200, kind, expected)
        assert there.door.counters.repeats == 0
        assert len(there.calls.commands) == (2 if body == QUERY else 0)


async def test_a_request_that_comes_again_on_its_connection_is_carried_out_once() -> None:
    async with opened(WEB) as there, connected(there.address[1]) as socket:
        for _ in range(2):
            await socket.send_bytes(b"1 " + QUERY)
            assert (await socket.receive(10)).data == b"1 " + OK
        assert len(there.calls.commands) == 1


async def test_replies_come_as_they_are_ready_and_garbage_gets_none() -> None:
    async with opened(WEB) as there, connected(there.address[1]) as socket:
        there.calls.reply = None
        await socket.send_bytes(b"1 " + QUERY)
        await socket.send_bytes(b"garbage")
        await socket.send_bytes(b"2 " + PING)
        assert (await socket.receive(10)).data == b"2 d6:result4:ponge"
        there.calls.waiting.pop()({b"result": b"ok"})
        assert (await socket.receive(10)).data == b"1 " + OK
        assert there.door.counters.garbage == 1


async def test_a_plain_websocket_has_no_cookies() -> None:
    async with opened(WEB) as there, connected(there.address[1], "ng-plain.rtpengine.com") as socket:
        await socket.send_str('{"command":"ping"}')
        assert (await socket.receive(10)).data == b'{"result":"pong"}'


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://127.0.0.1", "127.0.0.1", 200),  # as libwebsockets names where it connects to
        ("http://192.0.2.1", "192.0.2.1:2225", 200),
        ("http://evil.example", "127.0.0.1", 403),
        ("http://192.0.2.66", "127.0.0.1", 403),
        ("http://evil.example", "evil.example", 403),  # a name that resolves to another address by now
        ("null", "127.0.0.1", 403),
        ("http://[", "[", 403),
    ],
)
async def test_a_browser_does_not_ask_for_a_page_of_others(origin: str, host: str, status: int) -> None:
    request = post("/ng", b"1 " + PING, typed(NG), f"Origin: {origin}").replace(b"Host: x", b"Host: " + host.encode())
    async with opened(WEB) as there:
        if host == "[":
            request = request.replace(b"Host: [", b"Host: x")
        assert (await answer(there.address[1], request))[0] == status
        if status == 403:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with connected(there.address[1], Origin=origin, Host=host if host != "[" else "x"):
                    pass


async def test_who_is_not_allowed_gets_nothing() -> None:
    async with opened(WEB, allow=()) as there:
        assert (await answer(there.address[1], SAME["ping by GET"]))[0] == 403
        assert (await answer(there.address[1], SAME["ping"]))[0] == 403
        assert there.door.counters.not_allowed == 2


async def test_limits_are_those_of_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY", 100)
    async with opened(WEB, max_queued_per_client=0) as there:
        body = b"1 " + QUERY
        assert b"load limit" in (await answer(there.address[1], post("/ng", body, typed(NG))))[2].replace(
            b"_", b" "
        ) or (there.door.counters.load_limited == 1)
        assert (await answer(there.address[1], post("/ng", bytes(200), typed(NG))))[0] == 413


async def test_a_client_that_leaves_its_replies_unread_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_UNREAD", 10)
    async with opened(WEB) as there, connected(there.address[1]) as socket:
        await socket.send_bytes(b"1 " + QUERY)
        assert (await socket.receive(10)).type is not aiohttp.WSMsgType.BINARY

        async def counted() -> bool:
            return there.door.counters.streams_lost == 1

        await wait_until(counted, "it is counted")


async def test_other_subprotocols_are_refused() -> None:
    async with opened(WEB) as there:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with connected(there.address[1], "cli.rtpengine.com"):
                pass


async def test_a_door_that_closes_answers_what_is_under_way() -> None:
    async with opened(WEB) as there:
        there.calls.reply = None
        asked = asyncio.create_task(answer(there.address[1], post("/ng", b"1 " + QUERY, typed(NG))))
        await until_waiting(there)
        closing = asyncio.create_task(there.door.close(10))
        await asyncio.sleep(0)
        there.calls.waiting.pop()({b"result": b"ok"})
        await closing
        assert (await asked)[2] == b"1 " + OK


async def until_waiting(there: Opened) -> None:
    async def waits() -> bool:
        return bool(there.calls.waiting)

    await wait_until(waits, "the request is under way")
