"""The spans of calls through both doors, as a receiver of OTLP gets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.stage import AS_ASKED
from tests.e2e.sip.stage import Stage as SipStage
from tests.e2e.stage import NgCall
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service

pytestmark = pytest.mark.e2e


@dataclass
class Receiver:
    """What came by OTLP over HTTP."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        assert request.path == "/v1/traces"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(f"{named['service.name']} {named['service.instance.id']}")
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    def lines(self, call_id: str) -> set[tuple[str, str]]:
        """Return the spans of a call: their names, and those of their parents."""
        names = {span.span_id: span.name for span in self.spans}
        return {
            (span.name, names.get(span.parent_span_id, ""))
            for span in self.spans
            if any((each.key, each.value.string_value) == ("rtp_relay.call_id", call_id) for each in span.attributes)
        }


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.answer), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    assert site._server is not None
    receiver.url = f"http://{HOST}:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def test_a_call_through_each_door() -> None:
    async with receiving() as receiver, RedisServer() as redis, Rtpengine() as relay:
        async with (
            Service(
                redis.url,
                [Node("relay-1", relay)],
                settings={"tracing": {"endpoint": receiver.url}},
                sip={"script": str(AS_ASKED)},
            ) as service,
            service.client() as client,
            Parties() as media,
        ):
            call = NgCall("traced@example.com", media)
            await call.offer(client)
            await call.answer(client)
            await call.delete(client)
            async with on_scene(SipStage(service, {"rtpengine": relay}, "rtpengine")) as scene:
                sip_id, established = await scene.establish()
                await established.hang_up("caller")
        # the service has ended: nothing more comes
        assert receiver.services == {"rtp-relay control-1"}
        for verb in ("Offer", "Answer", "Delete"):
            assert receiver.lines("traced@example.com") >= {
                (f"ng {verb.lower()}", ""),
                (verb, f"ng {verb.lower()}"),
                ("journal append", verb),
                (f"node {verb.lower()}", verb),
            }
        assert receiver.lines(sip_id) >= {
            ("sip INVITE", ""),
            ("sip INVITE", "sip INVITE"),
            ("ObserveSipMessage", "sip INVITE"),
            ("journal append", "ObserveSipMessage"),
            ("node offer", "ObserveSipMessage"),
            ("sip BYE", ""),
        }
