"""The client of a SIP server's management interface, against a scripted one."""

from __future__ import annotations

import pytest

from gateways.mi.client import MAX_REPLY, MiClient, MiRefused
from tests.peers.fake_opensips_mi import Answer, FakeOpensipsMi, done, refused, says, silent
from tests.peers.ports import HOST


async def ask(answer: Answer, within: float = 10) -> tuple[object, FakeOpensipsMi]:
    async with FakeOpensipsMi(answer) as server:
        client = MiClient(server.url, within)
        try:
            return await client.ask("rtp_relay_update_callid", {"callid": "a@b"}), server
        finally:
            await client.close()


async def test_a_request_is_one_of_json_rpc_and_its_result_comes_back() -> None:
    result, server = await ask(done)
    assert result == "Sessions: 1"
    assert server.asked == [
        {"jsonrpc": "2.0", "id": 1, "method": "rtp_relay_update_callid", "params": {"callid": "a@b"}}
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (refused(404, "RTP Relay session not found"), "404 RTP Relay session not found"),
        (says("no JSON"), "a reply that is no JSON: b'no JSON'"),
        (says("[]"), "a reply that is none to the request: b'[]'"),
        (says('{"id": 7, "result": 1}'), "a reply that is none to the request"),
        (says('{"id": 1}'), "a reply without a result"),
        (says("<html>nobody here</html>", 404), "a reply that is no JSON"),
        (says("x" * (MAX_REPLY + 1)), "a reply of more than 65536 bytes"),
    ],
)
async def test_what_is_no_result_is_told(answer: Answer, why: str) -> None:
    with pytest.raises(MiRefused) as caught:
        await ask(answer)
    assert str(caught.value).startswith(why)


async def test_one_that_says_nothing_is_waited_for_no_longer_than_wanted() -> None:
    with pytest.raises(MiRefused, match=r"no reply within 0\.1 s"):
        await ask(silent, within=0.1)


async def test_nobody_there() -> None:
    client = MiClient(f"http://{HOST}:1/mi", 10)
    with pytest.raises(MiRefused, match=r"[Cc]onnect"):
        await client.ask("which", {})
    await client.close()
