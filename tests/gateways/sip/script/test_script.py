"""Scripts: loaded, called, and what is left when one fails."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sipmessage import Request as SipRequest

from engines.route.routes import Routes
from events.names import BranchId
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.hooks import Answer, ProxyTarget
from gateways.sip.script.branch_views import Branch, Local, Reply
from gateways.sip.script.decisions import NO_FUNCTION, Forward, RoutingError, Undecided
from gateways.sip.script.loading import MODULE
from gateways.sip.script.script import DefaultScript, Routing, Script, ScriptError, ScriptFailure
from replay.relay_settings import Engagement
from tests.gateways.sip.script.messages import Fork, branch, failure, reply, request, response, script, text

RELAYS = "@on_request\ndef route(request):\n    request.relay()\n"


async def failing(folder: Path, code: str, settings: CallSettings | None = None) -> ScriptFailure:
    with pytest.raises(ScriptFailure) as error:
        await script(folder, code).request(request(settings=settings))
    return error.value


# -- loading --


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = 1\nraise ValueError('why')\n", "3: ValueError: why"),
        ("def f():\n    return 1 / 0\nf()\n", "3: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "3: SystemExit: 3"),
        ("x = 1\ndef broken(:\n", "3: SyntaxError: invalid syntax"),
        ("import rtp_relay_nothing\n", "2: ModuleNotFoundError: No module named 'rtp_relay_nothing'"),
        ("x = 1\n", " no function is registered with @on_request"),
        (
            RELAYS + "@on_request\ndef other(request): ...\n",
            "5: on_request is there for more than one function: other and route",
        ),
        (
            "@on_request\ndef route(): ...\n",
            "2: route for on_request has to take one argument: too many positional arguments",
        ),
        (
            RELAYS + "@on_reply\nasync def r(a, b): ...\n",
            "5: r for on_reply has to take one argument: missing a required",
        ),
    ],
)
def test_a_script_that_cannot_be_used(tmp_path: Path, code: str, why: str) -> None:
    with pytest.raises(ScriptError) as error:
        script(tmp_path, code)
    assert str(error.value).startswith(f"{tmp_path}/routing.py:{why}")


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as error:
        Script.load(tmp_path / "none.py")
    assert str(error.value) == f"{tmp_path}/none.py: No such file or directory"
    assert error.value.line == 0


def test_a_script_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "routing.py").write_bytes(b"x = 1\0")
    with pytest.raises(ScriptError, match="null bytes"):
        Script.load(tmp_path / "routing.py")


def test_a_script_has_a_module_of_its_own(tmp_path: Path) -> None:
    code = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    b: int\n"
    (tmp_path / "routing.py").write_text(code + "from rtp_relay.routing import on_request\n" + RELAYS)
    found = Script.load(tmp_path / "routing.py")
    assert found.module.__name__ == MODULE
    assert found.module.A(3).b == 3
    assert found.module.__file__ == str(tmp_path / "routing.py")


def test_a_script_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    good = script(tmp_path, RELAYS)
    assert sys.modules[MODULE] is good.module
    with pytest.raises(ScriptError):
        script(tmp_path, "1 / 0")
    assert sys.modules[MODULE] is good.module


def test_the_route_engines_functions_may_stand_in_it(tmp_path: Path) -> None:
    found = script(tmp_path, RELAYS + "def rtp_relay_answer(call): ...\n")
    assert Routes.from_module(found.module).answer is found.module.rtp_relay_answer


def test_one_function_may_be_registered_for_two_events(tmp_path: Path) -> None:
    script(tmp_path, RELAYS + "@on_branch\n@on_reply\ndef both(view): ...\n")


# -- calling --


async def test_each_event_has_its_function(tmp_path: Path) -> None:
    code = """
@on_request
def a(request): request.append_branch("sip:a@example.org"); request.relay()
@on_branch
async def b(branch): branch.headers.set("X-A", str(branch.index))
@on_reply
def c(reply): reply.drop()
@on_failure
async def d(failure): failure.relay("sip:192.0.2.1")
@on_local
def e(local): local.headers.set("X-A", local.to_leg)
"""
    found: Routing = script(tmp_path, code)
    view = request()
    assert await found.request(view) == Forward((ProxyTarget(read_uri("sip:a@example.org")),))
    of_branch = branch(view, 3)
    await found.branch(of_branch)
    assert of_branch.headers.get("X-A") == "3"
    of_reply = reply(view, 180)
    await found.reply(of_reply)
    assert of_reply.dropped
    after = await found.failure(failure(view, 503))
    assert after == Forward((ProxyTarget(read_uri("sip:bob@example.org"), read_uri("sip:192.0.2.1")),))
    local = Local(SipRequest("BYE", read_uri("sip:a@example.org")), "callee")
    await found.local(local)
    assert local.headers.get("X-A") == "callee"


async def test_an_event_without_a_function_changes_nothing(tmp_path: Path) -> None:
    found = script(tmp_path, RELAYS)
    view = request()
    await found.request(view)
    await found.branch(branch(view))
    await found.reply(reply(view))
    await found.local(Local(SipRequest("BYE", read_uri("sip:a@example.org")), "callee"))
    assert await found.failure(failure(view, 503)) == NO_FUNCTION


async def test_a_requests_own_functions_prevail(tmp_path: Path) -> None:
    code = """
@on_request
def route(request):
    def own(view): view.headers.set("X-A", "own")
    def failed(failure): failure.reply(480)
    if request.method == "INVITE":
        request.on_branch = request.on_reply = own
        request.on_failure = failed
    request.relay()
@on_branch
@on_reply
def all(view): view.headers.set("X-A", "all")
@on_failure
def all_failed(failure): failure.reply(500)
"""
    found = script(tmp_path, code)
    for method, header, status in (("INVITE", "own", 480), ("MESSAGE", "all", 500)):
        view = request(text(method))
        await found.request(view)
        of_branch, of_reply = branch(view), reply(view)
        await found.branch(of_branch)
        await found.reply(of_reply)
        assert (of_branch.headers.get("X-A"), of_reply.headers.get("X-A")) == (header, header)
        assert await found.failure(failure(view, 503)) == Answer(status)


async def test_a_function_that_decides_nothing(tmp_path: Path) -> None:
    found = script(tmp_path, "@on_request\ndef route(request): ...\n@on_failure\ndef failed(failure): ...\n")
    view = request()
    assert isinstance(await found.request(view), Undecided)
    assert isinstance(await found.failure(failure(view, 503)), Undecided)


async def test_what_is_decided_after_the_function_has_ended(tmp_path: Path) -> None:
    code = """
import asyncio
@on_request
def route(request):
    global late
    async def decide(): request.relay()
    late = asyncio.create_task(decide())
"""
    found = script(tmp_path, code)
    assert isinstance(await found.request(request()), Undecided)
    with pytest.raises(RoutingError, match="has ended"):
        await found.module.late


# -- failing --


async def test_the_line_that_failed_is_named(tmp_path: Path) -> None:
    code = "def helper(request):\n    request.relai()\n@on_request\ndef route(request):\n    helper(request)\n"
    error = await failing(tmp_path, code)
    assert (error.path, error.line, error.event) == (tmp_path / "routing.py", 3, "request")
    assert error.text.startswith("AttributeError: Request has no 'relai'; there are append_branch,")
    assert str(error) == f"{tmp_path}/routing.py:3: on_request: {error.text}"


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("import json; json.loads('{')", "JSONDecodeError: Expecting property name"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("raise KeyError", "KeyError"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("class E(Exception):\n        def __str__(self): return 3\n    raise E", "E"),
        ("request.append_branch('nowhere')", "RoutingError: 'nowhere' is no URI (URI without a scheme)"),
        ("request.rtp_relay_engage('rtpengin')", "BadSetting: no relay kind 'rtpengin'; there are"),
        ("return route(request)", "RecursionError: maximum recursion"),
    ],
)
async def test_whatever_goes_wrong_is_the_scripts_failure(tmp_path: Path, statement: str, why: str) -> None:
    error = await failing(tmp_path, f"@on_request\ndef route(request):\n    {statement}\n")
    assert error.text.startswith(why)
    assert error.line in (4, 6)


async def test_of_a_request_that_failed_nothing_is_left(tmp_path: Path) -> None:
    code = """
@on_request
async def route(request):
    request.rtp_relay_engage("rtpengine")
    request.rtp_relay.flags = "a"
    request.vars["n"] = "1"
    request.append_branch("sip:a@example.org")
    request.uri = "sip:b@example.org"
    request.headers.set("X-A", "b")
    request.headers.remove("Contact")
    request.body = "v=0"
    request.on_branch = print
    request.relay()
    1 / 0
"""
    settings = CallSettings()
    view = request(settings=settings)
    before = bytes(view._message)
    with pytest.raises(ScriptFailure, match="on_request: ZeroDivisionError"):
        await script(tmp_path, code).request(view)
    assert (settings.engaged, settings.tracked, settings.take()) == (False, False, [])
    assert bytes(view._message) == before
    assert view.on_branch is None


async def test_of_a_branch_that_failed_nothing_is_left(tmp_path: Path) -> None:
    code = """
@on_branch
def leaves(branch):
    branch.rtp_relay_engage("rtpengine")
    branch.uri, branch.next_hop = "sip:a@example.org", "sip:192.0.2.1"
    branch.headers.add("X-A", "b")
    branch.drop()
    1 / 0
"""
    settings = CallSettings()
    hook = Fork()
    before, target = bytes(hook.request), hook.target
    view = Branch(hook, request(settings=settings))
    with pytest.raises(ScriptFailure, match="on_branch"):
        await script(tmp_path, RELAYS + code).branch(view)
    assert (settings.take(), hook.target, bytes(hook.request), view.dropped) == ([], target, before, False)


async def test_of_a_response_that_failed_nothing_is_left(tmp_path: Path) -> None:
    code = """
@on_reply
def comes_back(reply):
    reply.fix_contact()
    reply.rtp_relay.flags = "a"
    reply.headers.add("X-A", "b")
    reply.drop()
    reply.nothing
"""
    settings = CallSettings()
    message = response(180)
    before = bytes(message)
    view = Reply(message, branch(request(settings=settings)))
    with pytest.raises(ScriptFailure, match="on_reply: AttributeError: Reply has no 'nothing'"):
        await script(tmp_path, RELAYS + code).reply(view)
    assert (settings.take(), bytes(message), view.dropped) == ([], before, False)


async def test_of_a_failures_function_that_failed_nothing_is_left(tmp_path: Path) -> None:
    code = """
@on_failure
def failed(failure):
    failure.rtp_relay_engage("rtpengine")
    failure.append_branch("sip:a@example.org")
    failure.relay()
    failure.reply(500)
"""
    settings = CallSettings()
    view = failure(request(settings=settings), 503)
    with pytest.raises(ScriptFailure, match=r"on_failure: RoutingError: .* already: relay\(\)"):
        await script(tmp_path, RELAYS + code).failure(view)
    assert settings.take() == []
    with pytest.raises(RoutingError, match="has ended"):
        view.relay("sip:192.0.2.1")


async def test_of_a_request_of_ours_that_failed_nothing_is_left(tmp_path: Path) -> None:
    message = SipRequest("BYE", read_uri("sip:a@example.org"))
    code = "@on_local\ndef leaves(local):\n    local.headers.add('X-A', 'b')\n    1 / 0\n"
    with pytest.raises(ScriptFailure, match="on_local: ZeroDivisionError"):
        await script(tmp_path, RELAYS + code).local(Local(message, "caller"))
    assert message.headers.get("X-A") is None


async def test_a_function_that_takes_too_long_fails_where_it_waits(tmp_path: Path) -> None:
    code = "import asyncio\n@on_request\nasync def route(request):\n    await asyncio.Event().wait()\n"
    with pytest.raises(ScriptFailure) as error:
        await script(tmp_path, code, timeout=0).request(request())
    assert (error.value.line, error.value.text) == (5, "TimeoutError: it took longer than 0 s")


async def test_a_timeout_of_the_scripts_own_is_its_own(tmp_path: Path) -> None:
    error = await failing(tmp_path, "@on_request\nasync def route(request):\n    raise TimeoutError('mine')\n")
    assert (error.line, error.text) == (4, "TimeoutError: mine")


async def test_a_request_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    code = """
import asyncio
waiting = asyncio.Event()
@on_request
async def route(request):
    request.rtp_relay_engage("rtpengine")
    request.relay()
    waiting.set()
    await asyncio.Event().wait()
"""
    settings = CallSettings()
    found = script(tmp_path, code)
    task = asyncio.create_task(found.request(request(settings=settings)))
    await found.module.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert settings.take() == []


# -- without a script --


async def test_without_a_script_each_new_call_gets_a_relay() -> None:
    routing: Routing = DefaultScript("rtpproxy", "edge")
    settings = CallSettings()
    assert await routing.request(request(settings=settings)) == Forward((ProxyTarget(read_uri("sip:bob@example.org")),))
    assert settings.relay.engagement(BranchId("br0")) == Engagement("rtpproxy", "edge")


@pytest.mark.parametrize(
    "message", [text(to_tag="tA"), text("MESSAGE"), text("BYE", to_tag="tA"), text("ACK", to_tag="tA")]
)
async def test_without_a_script_nothing_else_gets_a_relay(message: bytes) -> None:
    settings = CallSettings()
    decision = await DefaultScript("rtpproxy").request(request(message, settings))
    assert decision == Forward((ProxyTarget(read_uri("sip:bob@example.org")),))
    assert settings.take() == []


async def test_without_a_script_a_next_hop_is_for_what_is_in_no_dialog() -> None:
    routing = DefaultScript(next_hop="sip:192.0.2.1")
    settings = CallSettings()
    hop = read_uri("sip:192.0.2.1")
    assert await routing.request(request(settings=settings)) == Forward(
        (ProxyTarget(read_uri("sip:bob@example.org"), hop),)
    )
    assert await routing.request(request(text(to_tag="t"))) == Forward((ProxyTarget(read_uri("sip:bob@example.org")),))
    assert not settings.engaged
    with pytest.raises(RoutingError, match="is no URI"):
        DefaultScript(next_hop="192.0.2.1")


async def test_without_a_script_all_else_stays_as_it_is() -> None:
    routing = DefaultScript("rtpproxy")
    view = request()
    of_branch, of_reply = branch(view), reply(view)
    await routing.branch(of_branch)
    await routing.reply(of_reply)
    await routing.local(Local(SipRequest("BYE", read_uri("sip:a@example.org")), "caller"))
    assert await routing.failure(failure(view, 503)) == NO_FUNCTION
    assert not of_branch.dropped
    assert not of_reply.dropped
