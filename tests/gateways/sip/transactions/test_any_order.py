"""Whatever happens, in whatever order: nothing is raised, everything ends, nothing is told twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.names import Tag
from gateways.sip.addresses import Hop
from gateways.sip.transactions.users import ClientTransaction
from tests.gateways.sip.transactions.scene import TCP, UDP, Caller, Scene, answer_text, own_request, request_text

BRANCHES = ("z9hG4bKa", "z9hG4bKb", "old")
CODES = (100, 180, 183, 200, 202, 302, 486, 487, 600)
HOPS = (UDP, TCP)

REQUEST = st.tuples(
    st.just("receive"),
    st.sampled_from(["INVITE", "OPTIONS", "CANCEL", "ACK"]),
    st.sampled_from(BRANCHES),
    st.sampled_from(["", "b", "c"]),
    st.sampled_from(HOPS),
)
RESPOND = st.tuples(st.just("respond"), st.integers(0, 9), st.sampled_from(CODES), st.sampled_from(["b", "c"]))
DROP = st.tuples(st.just("drop"), st.integers(0, 9))
SEND = st.tuples(st.just("send"), st.sampled_from(["INVITE", "OPTIONS"]), st.sampled_from(HOPS))
ANSWER = st.tuples(
    st.just("answer"),
    st.integers(0, 9),
    st.sampled_from(["INVITE", "OPTIONS", "CANCEL"]),
    st.sampled_from(CODES),
    st.sampled_from(["b", "c"]),
)
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 9))
FORGET = st.tuples(st.just("forget"), st.integers(0, 9))
FAIL = st.tuples(st.just("fail"), st.integers(0, 99))
WAIT = st.tuples(st.just("wait"), st.sampled_from([0.0, 0.3, 0.5, 1.0, 3.0, 5.0, 31.0, 32.0, 64.0, 181.0]))
STEPS = st.lists(
    st.one_of(REQUEST, REQUEST, RESPOND, RESPOND, DROP, SEND, ANSWER, ANSWER, CANCEL, FORGET, FAIL, WAIT), max_size=40
)


class World(Scene):
    """A scene in which steps are made, each as far as there is something to make it with."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: list[tuple[Caller, ClientTransaction]] = []

    def receive_step(self, method: str, branch: str, to_tag: Tag, hop: Hop) -> None:
        self.receive(request_text(method, branch=branch, to_tag=to_tag, hop=hop), hop)

    def respond_step(self, which: int, code: int, to_tag: Tag) -> None:
        if which < len(self.requests):
            self.respond(code, to_tag, which)

    def drop_step(self, which: int) -> None:
        if which < len(self.requests):
            self.requests[which].drop()

    def send_step(self, method: str, hop: Hop) -> None:
        caller = Caller()
        request = own_request(method, f"z9hG4bK{len(self.callers)}")
        self.callers.append((caller, self.layer.request(request, hop, caller)))

    def answer_step(self, which: int, method: str, code: int, to_tag: Tag) -> None:
        self.receive(answer_text(own_request(method, f"z9hG4bK{which}"), code, to_tag))

    def cancel_step(self, which: int) -> None:
        if which < len(self.callers):
            self.callers[which][1].cancel("SIP;cause=200")

    def forget_step(self, which: int) -> None:
        if which < len(self.callers):
            self.callers[which][1].forget()

    def fail_step(self, which: int) -> None:
        if which < len(self.sent):
            failed = self.sent[which].failed
            if failed is not None:
                failed("it is gone")

    def wait_step(self, seconds: float) -> None:
        self.loop.run_for(seconds)

    def leave(self) -> None:
        """Do what a user owes: answer each INVITE, and let go of what was sent."""
        for which in range(len(self.requests)):
            self.respond(500, which=which)
        for _caller, transaction in self.callers:
            transaction.forget()


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_happens_everything_ends_and_nothing_is_told_twice(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for name, *arguments in steps:
        getattr(world, f"{name}_step")(*arguments)
    world.leave()
    world.loop.run_for(300)

    assert world.layer.counters.failures == 0
    assert world.layer.transactions == 0
    assert world.loop.waiting == 0
    for caller, _transaction in world.callers:
        failures = [code for code in caller.codes if code >= 300]
        assert len(failures) + len(caller.failures) <= 1
        finals = [code for code in caller.codes if code >= 200]
        assert not (finals and caller.failures)
    cancels = [which for what, which in world.told if what == "cancel"]
    assert len(cancels) <= len([method for what, method in world.told if what == "request" and method == "INVITE"])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 40))
def test_broken_messages_do_no_harm(noise: bytes, position: int, cut: int) -> None:
    scene = Scene()
    text = request_text()
    scene.receive(text[:position] + noise + text[position + cut :])
    assert scene.layer.counters.failures == 0
