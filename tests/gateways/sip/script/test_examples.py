"""The scripts of examples/scripts decide as they say, and the documentation has every name that a script can see."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import rtp_relay.routing
from actors.setting_values import branch_name
from events.names import BranchId
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.hooks import Answer, ProxyTarget
from gateways.sip.script.branch_views import Branch, Failure, Local, Reply
from gateways.sip.script.decisions import Decision, Forward, Undecided
from gateways.sip.script.script import Script
from gateways.sip.script.variables import ContextSettings, LegSettings
from gateways.sip.script.views import Request
from replay.relay_settings import CALLEE, CALLER, Engagement
from replay.settings_changes import EngageRelay
from tests.examples.test_snippets import is_part_of
from tests.gateways.sip.script.messages import failure, fork, reply, request, text

ROOT = Path(__file__).parents[4]
SCRIPTS = sorted((ROOT / "examples" / "scripts").glob("*.py"))
CORE = Hop(SipTransport.UDP, "192.0.2.5", 5060)
ACCESS = Hop(SipTransport.UDP, "198.51.100.7", 4711)
BY_RURI = Forward((ProxyTarget(read_uri("sip:bob@example.org")),))


def load(name: str) -> Script:
    return Script.load(ROOT / "examples" / "scripts" / f"{name}.py")


def uris(decision: Decision) -> list[tuple[str, str | None]]:
    assert isinstance(decision, Forward)
    return [(str(to.uri), str(to.next_hop) if to.next_hop else None) for to in decision.targets]


def test_there_are_examples() -> None:
    names = ["from_opensips", "nat_by_source", "one_relay", "parallel_fork", "route_engine", "serial_fork"]
    assert [path.stem for path in SCRIPTS] == [*names, "srtp_to_rtp"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_what_belongs_to_a_dialog_is_relayed_and_engages_nothing(path: Path) -> None:
    script = Script.load(path)
    settings = CallSettings()
    for method in ("INVITE", "BYE", "ACK", "INFO"):
        view = request(text(method, to_tag="tA"), settings)
        decision = await script.request(view)
        assert decision == BY_RURI
        assert isinstance(decision, Forward)
        await script.branch(Branch(fork(decision.targets[0]), view))
        await script.reply(reply(view))
        assert isinstance(await script.failure(failure(view, 408)), Undecided)
    assert not settings.tracked


async def test_one_relay() -> None:
    settings = CallSettings()
    assert await load("one_relay").request(request(settings=settings)) == BY_RURI
    assert settings.relay.engagement(BranchId("br3")) == Engagement("rtpengine", "default")
    for leg in (CALLER, CALLEE):
        assert settings.relay.in_force(leg, BranchId("br3")) == {"flags": "trust-address replace-origin"}


@pytest.mark.parametrize(
    ("source", "host", "engaged", "flagged"),
    [
        (CORE, "192.0.2.77", False, []),
        (CORE, "[2001:db8:1::1]", False, []),
        (CORE, "198.51.100.9", True, [CALLEE]),
        (CORE, "example.org", True, [CALLEE]),
        (ACCESS, "192.0.2.77", True, [CALLER]),
        (ACCESS, "198.51.100.9", True, [CALLER, CALLEE]),
    ],
)
async def test_nat_by_source(source: Hop, host: str, engaged: bool, flagged: list[str]) -> None:
    script, settings = load("nat_by_source"), CallSettings()
    view = request(text(uri=f"sip:bob@{host}"), settings, source=source)
    decision = await script.request(view)
    assert isinstance(decision, Forward)
    await script.branch(Branch(fork(decision.targets[0]), view))
    assert (settings.relay.engagement(BranchId("br0")) == Engagement("rtpengine", "edge")) is engaged
    flags = [leg for leg in (CALLER, CALLEE) if settings.relay.in_force(leg, BranchId("br0")).get("flags")]
    assert flags == flagged
    assert ("10.0.0.1" in view.headers.get("Contact")) is (source is CORE)


@pytest.mark.parametrize(("source", "contact"), [(CORE, "<sip:bob@10.0.0.2>"), (ACCESS, "<sip:bob@198.51.100.7:4711>")])
async def test_nat_of_a_callee(source: Hop, contact: str) -> None:
    view = reply(request(), 200, source=source)
    await load("nat_by_source").reply(view)
    assert view.headers.get("Contact") == contact


async def test_parallel_fork() -> None:
    script, settings = load("parallel_fork"), CallSettings()
    view = request(settings=settings)
    decision = await script.request(view)
    assert uris(decision) == [
        ("sip:bob@phones.example.org", "sip:phones.example.org"),
        ("sip:bob@browsers.example.org", "sip:browsers.example.org;transport=tls"),
    ]
    assert isinstance(decision, Forward)
    branches = [Branch(fork(target, index), view) for index, target in enumerate(decision.targets)]
    for branch in branches:
        await script.branch(branch)
    assert ["Alert-Info" in branch.headers for branch in branches] == [True, False]
    inherited = {"flags": "trust-address"}
    assert settings.relay.in_force(CALLEE, branch_name(0)) == inherited
    own = {"type": "UDP/TLS/RTP/SAVPF", "peer": "ICE=force"}
    assert settings.relay.in_force(CALLEE, branch_name(1)) == inherited | own


async def test_serial_fork() -> None:
    script, settings = load("serial_fork"), CallSettings()
    view = request(settings=settings)
    assert uris(await script.request(view)) == [("sip:bob@example.org", "sip:gateway-a.example.org")]
    after_one = await script.failure(failure(view, 503))
    assert uris(after_one) == [("sip:bob@example.org", "sip:gateway-b.example.org")]
    after_two = await script.failure(failure(view, 408, 503, 408))
    assert uris(after_two) == [("sip:bob@voicemail.example.org", "sip:voicemail.example.org")]
    assert isinstance(await script.failure(failure(view, 486, 503, 408, 486)), Undecided)
    engaged = [event.set for event in settings.take() if isinstance(event, EngageRelay)]
    assert engaged == ["relays-a", "relays-b"]


async def test_serial_fork_leaves_the_callees_own_word() -> None:
    script = load("serial_fork")
    view = request()
    await script.request(view)
    assert isinstance(await script.failure(failure(view, 404)), Undecided)


async def test_srtp_to_rtp() -> None:
    script, settings = load("srtp_to_rtp"), CallSettings()
    refused = await script.request(request(settings=settings))
    assert refused == Answer(403, "Calls Come Over TLS Here")
    assert not settings.engaged
    decision = await script.request(request(settings=settings, source=Hop(SipTransport.TLS, "198.51.100.7", 4711)))
    assert uris(decision) == [("sip:bob@example.org", "sip:gateway.example.org")]
    assert settings.relay.in_force(CALLER, BranchId("br0"))["type"] == "RTP/SAVP"
    assert settings.relay.in_force(CALLEE, BranchId("br0"))["type"] == "RTP/AVP"


async def test_from_opensips() -> None:
    script, settings = load("from_opensips"), CallSettings()
    view = request(settings=settings)
    decision = await script.request(view)
    assert uris(decision) == [
        ("sip:bob@desk.example.org", "sip:desk.example.org"),
        ("sip:bob@mobile.example.org", "sip:mobile.example.org"),
    ]
    assert isinstance(decision, Forward)
    branches = [Branch(fork(target, index), view) for index, target in enumerate(decision.targets)]
    for branch in branches:
        await script.branch(branch)
    assert ["Alert-Info" in branch.headers for branch in branches] == [False, True]
    for index, (caller, callee) in enumerate([("co", "co"), ("cow", "cor")]):
        name = branch_name(index)
        assert settings.relay.engagement(name) == Engagement("rtpproxy", "1")
        assert settings.relay.in_force(CALLER, name)["flags"] == caller
        assert settings.relay.in_force(CALLEE, name)["flags"] == callee
    answer = reply(view, 200, 1)
    await script.reply(answer)
    assert answer.headers.get("Contact") == "<sip:bob@198.51.100.8:4712>"
    to_voice_mail = await script.failure(failure(view, 486, 408, 486))
    assert uris(to_voice_mail) == [("sip:bob@voicemail.example.org", "sip:voicemail.example.org")]
    assert settings.relay.in_force(CALLEE, branch_name(2))["flags"] == "cor"
    assert isinstance(await script.failure(failure(view, 480, 408, 486, 480)), Undecided)


async def test_route_engine() -> None:
    script, settings = load("route_engine"), CallSettings()
    assert await script.request(request(settings=settings)) == BY_RURI
    assert settings.relay.engagement(BranchId("br0")) == Engagement("route", "default")
    assert settings.relay.context == {"delete": "call of bob"}
    offer = {"callid": "c", "from_tag": "tC", "flags": "no-video", "body": b"m=audio 1 x\r\nm=video 2 y z\r\n"}
    assert await script.module.rtp_relay_offer(offer) == (b"m=audio 1 x\r\nm=video 0 y z\r\n", "c tC")
    assert (await script.module.rtp_relay_offer({**offer, "flags": ""}))[0] == offer["body"]
    assert await script.module.rtp_relay_delete({"callid": "c"}) is None


# -- the documentation --

DOCUMENTATION = (ROOT / "docs" / "routing-script.md").read_text()


@pytest.mark.parametrize("kind", [Request, Branch, Reply, Failure, Local, LegSettings, ContextSettings])
def test_every_name_of_a_view_is_documented(kind: type) -> None:
    names = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
    section = re.split(r"^## ", DOCUMENTATION, flags=re.MULTILINE)
    text_of_kind = next(part for part in section if part.startswith(f"{HEADINGS[kind]}\n"))
    assert {name for name in names if not re.search(rf"`{name}\b", text_of_kind)} == set()


HEADINGS = {
    Request: "Request",
    Branch: "Branch",
    Reply: "Reply",
    Failure: "Failure",
    Local: "Local",
    LegSettings: "The settings of the relay",
    ContextSettings: "The settings of the relay",
}


def test_every_public_name_is_documented() -> None:
    assert {name for name in rtp_relay.routing.__all__ if f"`{name}" not in DOCUMENTATION} == set()


def test_what_stands_there_of_the_examples_stands_in_them() -> None:
    programs = [path.read_text() for path in SCRIPTS]
    snippets = re.findall(r"^```python\n(.*?)^```", DOCUMENTATION, flags=re.MULTILINE | re.DOTALL)
    assert snippets
    assert [snippet for snippet in snippets if not any(is_part_of(snippet, program) for program in programs)] == []
