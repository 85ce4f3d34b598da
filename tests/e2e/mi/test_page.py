"""Each method is documented with an example, and each example is true."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from engines.registry import KINDS
from tests.e2e.mi.page import PAGE, difference, examples
from tests.e2e.mi.parties import coming_along, ready
from tests.e2e.sip.calls import Call, on_scene
from tests.e2e.sip.stage import Stage as SipStage
from tests.e2e.stage import Stage, on_stage
from tests.peers.ports import HOST
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Table

pytestmark = pytest.mark.e2e

URLS = ("udp:10.0.0.21:22222", "udp:10.0.0.11:2223")
"""What the page says for those of the tests' relays."""

SETTINGS: Mapping[str, Table] = {
    "mi": {"listen": [f"http:{HOST}:0"]},
    "sets": {"numbers": {"1": "west"}},
    "sip": {"listen": [f"udp:{HOST}:0"]},
}

OF_SIP = "4-375@h"
"""What the page calls the call that came by SIP."""


class Documented:
    """A service as the page has it: two relays in two sets, and four calls on the first, one of which came by SIP."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, of_sip: str, call: Call) -> None:
        self._session = session
        self.of_sip = call
        self._url = ready(stage)["mi"][0].replace("http:", "http://") + "/mi"
        self._urls = dict(zip(URLS, [relay.url for relay in stage.relays], strict=True)) | {OF_SIP: of_sip}

    async def ask(self, method: str, params: Any = ()) -> Any:
        """Return the result of a request, or the error, in the page's words."""
        request = self._real({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url, data=request, headers=headers) as response:
            text = await response.text()
        for written, real in self._urls.items():
            text = text.replace(real, written)
        reply = json.loads(text)
        return reply.get("result", reply.get("error"))

    def _real(self, request: Any) -> str:
        text = json.dumps(request)
        for written, real in self._urls.items():
            text = text.replace(written, real)
        return text


@pytest_asyncio.fixture
async def documented() -> AsyncIterator[Documented]:
    nodes = [Node("relay-1", Rtpproxy()), Node("relay-2", Rtpengine(), set="west")]
    async with on_stage(*nodes, settings=SETTINGS) as stage, aiohttp.ClientSession() as session:
        for number in (1, 2, 3):
            await stage.call(f"{number}-375@h").establish(stage.client)
        stage.service.sip_port = int(ready(stage)["sip"][0].rpartition(":")[2])
        async with on_scene(SipStage(stage.service, {"rtpproxy": stage.relays[0]}, "rtpproxy")) as scene:
            call_id, call = await scene.establish()
            async with coming_along(scene.caller, scene.callee):
                yield Documented(stage, session, call_id, call)


async def test_each_example_is_true_and_each_method_has_one(documented: Documented) -> None:
    methods = {spelled(name) for name in await documented.ask("which")}
    shown: set[str] = set()
    for example in examples(PAGE.read_text()):
        if example.method == "kill":
            await documented.of_sip.hang_up("caller")
        told = await documented.ask(example.method, example.params)
        wrong = difference(told, example.result)
        assert not wrong, f"{PAGE.name}:{example.line}: {example.method}: {wrong}\n{json.dumps(told, indent=1)}"
        shown.add(spelled(example.method))
    assert {spelled(name) for name in ("which", "help", "kill", "teardown", "rtp_relay_list")} <= shown
    assert methods - shown == set()


def spelled(name: str) -> str:
    """Return what stands for a method in all its spellings; those of all engines do the same."""
    for module in (*KINDS, "rtp_relay"):
        rest = name.removeprefix(module)
        if rest != name and rest[0] in ":_":
            return f"{'ENGINE' if module in KINDS else module}:{rest[1:]}"
    return f"ENGINE:{name}" if name == "teardown" else name
