"""Each form of `journal.url` that the documentation names, with the real thing: calls go through, and are read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.stage import CALLER
from tests.gateways.sip.transport.certificates import Authority
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_cluster import RedisCluster
from tests.peers.redis_sentinel import Sentinel
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import ROOT, Node, Service

pytestmark = pytest.mark.e2e

DOCUMENTATION = ROOT / "docs" / "configuration.md"
SDP = make_sdp((HOST, 9000))

Url = AbstractAsyncContextManager[str]


class RedisOverTls(RedisServer):
    """A Redis that speaks TLS beside plain TCP."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self._authority = authority
        self.tls_port = 0

    def prepare(self) -> None:
        super().prepare()
        self.tls_port = self.ports.take()

    def command(self) -> list[str]:
        certificate = str(self._authority.certify(HOST))
        files = ["--tls-cert-file", certificate, "--tls-key-file", certificate]
        ca = ["--tls-ca-cert-file", str(self._authority.ca), "--tls-auth-clients", "no"]
        return [*super().command(), "--tls-port", str(self.tls_port), *files, *ca]


@asynccontextmanager
async def one(_: Path) -> AsyncIterator[str]:
    async with RedisServer(password="secret") as redis:
        yield redis.url


@asynccontextmanager
async def tls(folder: Path) -> AsyncIterator[str]:
    authority = Authority.new(folder)
    async with RedisOverTls(authority) as redis:
        yield f"rediss://{HOST}:{redis.tls_port}/0?ssl_ca_certs={authority.ca}"


@asynccontextmanager
async def unix(_: Path) -> AsyncIterator[str]:
    async with RedisServer(unix=True) as redis:
        yield redis.url


@asynccontextmanager
async def sentinel(_: Path) -> AsyncIterator[str]:
    async with RedisServer() as master, Sentinel(master) as one, Sentinel(master) as other:
        yield f"redis+sentinel://{HOST}:{one.port},{HOST}:{other.port}/journal"


@asynccontextmanager
async def cluster(_: Path) -> AsyncIterator[str]:
    async with RedisCluster() as nodes:
        yield "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in nodes.nodes)


@asynccontextmanager
async def cluster_by_its_second_address(_: Path) -> AsyncIterator[str]:
    async with RedisCluster() as nodes:
        yield f"redis+cluster://{HOST}:9,{HOST}:{nodes.nodes[2].port}"


FORMS = (one, tls, unix, sentinel, cluster, cluster_by_its_second_address)


def test_each_documented_form_is_tried() -> None:
    rows = re.findall(r"^\| `([a-z+]+)://.*\|$", DOCUMENTATION.read_text(), re.MULTILINE)
    assert rows == ["redis", "unix", "redis+sentinel", "redis+cluster"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_a_call_and_its_history(form: Callable[[Path], Url], tmp_path: Path) -> None:
    async with (
        form(tmp_path) as url,
        Rtpengine() as relay,
        Service(url, [Node("relay-1", relay)]) as service,
        service.client() as client,
    ):
        for number in range(5):  # in a cluster they are at several masters
            reply = await client.command("offer", call_id=f"call-{number}", from_tag=CALLER, sdp=SDP)
            assert reply[b"result"] == b"ok"
        assert await service.history("call-3") == ["engaged", "offered"]
        assert await run(service, "calls") == (0, "")
        assert await run(service, "nodes") == (0, "")
        for number in range(5):
            await client.command("delete", call_id=f"call-{number}", from_tag=CALLER)


async def run(service: Service, *command: str) -> tuple[int, str]:
    """Run a command with a service's configuration; give its exit code and what it complains of."""
    code, _, complaint = await service.run(*command)
    return code, complaint


NOBODY = (
    f"redis://{HOST}:9",
    f"rediss://{HOST}:9",
    "unix:///nobody/there.sock",
    f"redis+sentinel://{HOST}:9,{HOST}:7/relays",
    f"redis+cluster://{HOST}:9,{HOST}:7",
)
OPTIONS = ("?socket_timeout=soon", "?no_such_option=1")


class Configured(Service):
    """A service that is not started."""

    async def start(self) -> None:
        self.command()


CODES = [*((url, 4) for url in NOBODY), *((f"{url}{options}", 2) for url in NOBODY for options in OPTIONS)]
# The commands that read have one way to the journal: each form of URL is tried with one of them.
TRIED = [
    *((url, code, command) for url, code in CODES for command in ("serve", "calls")),
    *((*CODES[0], command) for command in ("nodes", "history call-1")),
]


@pytest.mark.parametrize(("url", "code", "command"), TRIED)
async def test_a_redis_that_cannot_be_used_is_one_line(url: str, code: int, command: str) -> None:
    async with Configured(url, [], settings={"journal": {"wait": 0}, "embedded": {"relays": 1}}) as service:
        ended, complaint = await run(service, *command.split())
    *before, line = complaint.splitlines()
    assert (ended, line.startswith("rtp-relay: the journal ")) == (code, True), line
    assert len(before) == (command != "serve"), before
    assert all(said.startswith("rtp-relay: no service answers at ") for said in before)


async def test_a_control_node_waits_for_its_redis_and_can_be_stopped_meanwhile() -> None:
    async with Rtpengine() as relay, RedisServer() as redis:
        redis.kill()
        waiting = Waiting(redis.url, [Node("relay-1", relay)])
        async with waiting:
            assert not await waiting.answers()
            await redis.restart()
            await wait_until(waiting.answers, "it is ready")
            redis.kill()
            await waiting.restart()
            assert waiting.terminate()
            assert await waiting.ended(10) == 0
            assert '"event": "stopped"' in waiting.log()


class Waiting(Service):
    """A service that is taken for started once it says that it waits for its journal."""

    async def ready(self) -> bool:
        return '"event": "waiting for the journal"' in self._said()
