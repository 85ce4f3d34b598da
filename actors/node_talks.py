"""The talks with a node that are under way: commands and their cookies, replies, repeats and deadlines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

import structlog
from pykka import ActorDeadError

from actors.effects import Outcome
from actors.engine_settings import EngineSettings
from actors.local_trouble import is_local, is_of_the_message, is_passing, words_of
from actors.messages import Perform, Performed
from actors.node_counters import PING, NodeCounters
from actors.runtime.ref import LoopRef
from actors.talk import Sent, Talk, to_its_end
from actors.transports import NodeTransport
from engines.cookies import CookieSource
from engines.health import Health, NodeState
from engines.kind import MalformedReply, Operation, RelayKind, Untranslatable
from engines.refusal import RefusalCode
from engines.registry import kind_at
from engines.reply import NodeReply
from engines.sets import NodeSpec

log = structlog.get_logger()


class TalksUser(Protocol):
    """Whose node it is: the node's actor."""

    def hasten(self) -> None:
        """Look after the talks at each tick: commands wait for replies."""

    def tell_watchers(self, why: str) -> None:
        """Tell those who watch the node that its health has changed."""

    def stop_if_idle(self) -> None:
        """End, if no operation is under way: one has ended."""


class NodeTalks:
    """The talks with one node. What becomes of them is told to who asked, and to the node's health.

    transport: the way to the node, None before there is one. under_way: how many operations have not ended. pinging:
    whether a ping has not. hastened: whether its user looks after the talks at each tick. retiring: whether the user is
    to hear when an operation ends. nobody_listens: at the node's address, by the last word of the network. heard_at:
    when a reply came last, on the loop's clock, which `now` reads; 0 for never.
    """

    def __init__(
        self,
        spec: NodeSpec,
        settings: EngineSettings,
        health: Health,
        *,
        counters: NodeCounters,
        now: Callable[[], float],
        user: TalksUser,
    ) -> None:
        self._node, self._settings = spec.name, settings
        self._kind: RelayKind = kind_at(spec)
        self._health, self._counters, self._now, self._user = health, counters, now, user
        self._cookies = CookieSource()
        self._sent: dict[bytes, Sent] = {}
        self._troubles: list[OSError] = []  # the last one of this machine, since something was sent
        self._troubled_at = -math.inf
        self.transport: NodeTransport | None = None
        self.under_way = 0
        self.pinging = self.hastened = self.retiring = False
        self.nobody_listens = False
        self.heard_at = 0.0

    @property
    def are_waiting(self) -> bool:
        """Whether commands wait for replies."""
        return bool(self._sent)

    # -- asking --

    def perform(self, message: Perform) -> None:
        """Begin what is asked of the node, or refuse it at once."""
        operation = message.operation
        refusal = self._refusal(operation)
        if refusal is not None:
            self._counters.ended(operation.verb, refusal, 0.0)
            tell(message.asker, Performed(message.token, refusal))
            return
        self.under_way += 1
        self._counters.in_flight += 1
        talk = Talk(message.asker, message.token, self._settings.timeout, operation.verb, monotonic())
        self._begin(talk, operation)

    def ping(self) -> None:
        """Begin to ask whether the node is well. There has to be a way to it."""
        self.pinging = True
        self._begin(Talk(None, None, self._settings.ping_timeout, PING, monotonic()), None)

    def _refusal(self, operation: Operation) -> Outcome | None:
        state = self._health.state
        if state is NodeState.DOWN:
            return Outcome(reached=False, reason=f"is down: {self._health.last_failure}")
        if state is NodeState.DISABLED and not operation.removes:
            return Outcome(reached=False, reason="is disabled")
        if self.transport is None:
            return Outcome(reached=False, reason="is not connected")
        if self.under_way >= self._settings.max_in_flight:
            return Outcome(reached=False, reason="has too many commands in flight", code=RefusalCode.FULL)
        return None

    # -- steps of a talk --

    def _begin(self, talk: Talk, operation: Operation | None) -> None:
        """Take the first step of a talk about an operation, None for a ping."""
        try:
            talk.steps = to_its_end(self._kind.ping() if operation is None else self._kind.perform(operation))
            step = next(talk.steps)
        except Exception as error:
            self._break_off(talk, error, begun=False)
        else:
            self._do(talk, step)

    def _go_on(self, talk: Talk) -> None:
        """Take the next step, with the replies to all commands of the last one."""
        try:
            step = talk.steps.send(talk.replies)
        except Exception as error:
            self._break_off(talk, error, begun=True)
        else:
            self._do(talk, step)

    def _do(self, talk: Talk, commands: list[bytes] | NodeReply) -> None:
        """Do what a step wants: send the commands, or tell the reply that the exchange comes to."""
        if not isinstance(commands, list):
            self._end(talk, Outcome(reply=commands))
            return
        talk.replies = [b""] * len(commands)
        talk.awaited = len(commands)
        now, transport = self._now(), self.transport
        assert transport is not None
        for place, command in enumerate(commands):
            cookie = self._cookies.next()
            self._sent[cookie] = Sent(talk, place, command, now)
            self._troubles.clear()
            transport.send(cookie, command)
            if self._troubles and not is_passing(self._troubles[0]):
                self._keep_back(talk, words_of(self._troubles[0]))
            if cookie not in self._sent:
                return  # nobody listens there, or it cannot be sent: the talk has ended
            talk.reached = True
        if not self.hastened:
            self._user.hasten()
        if not commands:
            self._go_on(talk)

    # -- what comes back --

    def take(self, cookie: bytes, reply: bytes) -> None:
        """Handle a reply from the transport. It runs between turns, on the same thread: no turn is under way."""
        sent = self._sent.pop(cookie, None)
        if sent is None:
            return
        self.heard_at = now = self._now()
        self.nobody_listens = False
        if self._health.succeeded(now):
            self._user.tell_watchers("answers again")
        talk = sent.talk
        talk.replies[sent.place] = reply
        talk.awaited -= 1
        if not talk.awaited:
            self._go_on(talk)

    def complain(self, error: OSError) -> None:
        """Fail whatever waits for a reply, if the network says that nobody listens there.

        Trouble of this machine fails what it keeps from being sent; what was sent before has its time.
        """
        if not is_local(error):
            self.nobody_listens = True
            self._fail([sent.talk for sent in self._sent.values()], words_of(error))
            return
        self._troubles = [error]
        if not is_of_the_message(error):
            self._troubled_at = self._now()
        log.warning("node cannot be asked from here", node=self._node, why=words_of(error), bounded=True)

    # -- time --

    def leave_out(self, seconds: float, now: float) -> None:
        """Let no command have waited while the loop stood still: nobody was there to hear the reply."""
        for sent in self._sent.values():
            sent.at = min(sent.at + seconds, now)
        self.heard_at = min(self.heard_at + seconds, now)

    def look_after(self, now: float) -> None:
        """Repeat what is unanswered, and fail what is overdue."""
        settings = self._settings
        soonest = settings.resend_after[0] * settings.ping_timeout
        overdue: dict[tuple[float, bool], list[Talk]] = {}
        for cookie, sent in self._sent.items():  # oldest first
            if now - sent.at < soonest:
                break
            timeout = sent.talk.timeout
            waited = (now - sent.at) / timeout
            if waited >= 1:
                overdue.setdefault((timeout, sent.at > self._troubled_at), []).append(sent.talk)
            elif self.transport is not None and self.transport.repeats and self._may_resend(sent, waited):
                sent.resent += 1
                self._counters.resent += 1
                self.transport.send(cookie, sent.command)
        for (timeout, counts), talks in overdue.items():
            why = f"did not answer within {timeout:g} s"
            self._fail(talks, why if counts else f"{why}, while this machine could not send", counts=counts)

    def _may_resend(self, sent: Sent, waited: float) -> bool:
        after = self._settings.resend_after
        return sent.resent < len(after) and waited >= after[sent.resent]

    # -- the end of a talk --

    def _end(self, talk: Talk, outcome: Outcome, *, counts: bool = True) -> None:
        """Tell how a talk ended. counts: whether a ping that did not succeed is the node's failure."""
        self._counters.ended(talk.verb, outcome, monotonic() - talk.began)
        if talk.asker is None:
            self.pinging = False
            if outcome.agreed is None and counts:
                self._note_failure(outcome.reason or "ping was refused")
            return
        self.under_way -= 1
        self._counters.in_flight -= 1
        tell(talk.asker, Performed(talk.token, outcome))
        if self.retiring:
            self._user.stop_if_idle()

    def _break_off(self, talk: Talk, error: Exception, *, begun: bool) -> None:
        """End a talk whose exchange has raised something, which is no other talk's affair."""
        if isinstance(error, Untranslatable):
            outcome = Outcome(reached=begun, reason=str(error), code=error.code)
        elif isinstance(error, MalformedReply):
            outcome = Outcome(reason=f"malformed reply: {error}")
        else:
            log.error("engine failed on an exchange", node=self._node, exc_info=error)
            outcome = Outcome(reached=begun, reason=f"internal error: {error!r}", code=RefusalCode.INTERNAL)
        self._end(talk, outcome)

    def _keep_back(self, talk: Talk, why: str) -> None:
        """End a talk that this machine cannot go on with. That is no failure of the node's."""
        self._sent = {cookie: sent for cookie, sent in self._sent.items() if sent.talk is not talk}
        talk.steps.close()
        self._end(talk, Outcome(reached=talk.reached, reason=f"cannot be asked from here: {why}"), counts=False)

    def _fail(self, talks: Iterable[Talk], why: str, *, counts: bool = True) -> None:
        """End talks that wait for a reply, without one. counts: whether that is the node's failure."""
        waiting = {sent.talk for sent in self._sent.values()}
        failed = {talk: None for talk in talks if talk in waiting}
        self._sent = {cookie: sent for cookie, sent in self._sent.items() if sent.talk not in failed}
        for talk in failed:
            talk.steps.close()
            if talk.asker is not None and counts:
                self._note_failure(why)
            self._end(talk, Outcome(reason=why), counts=counts)

    def _note_failure(self, why: str) -> None:
        if self._health.failed(self._now(), why):
            self._counters.went_down += 1
            self._user.tell_watchers(why)


def tell(actor: LoopRef[Any], message: object) -> None:
    """Tell an actor of this loop, which may have ended since it asked."""
    try:
        actor.tell_here(message)
    except ActorDeadError:
        log.debug("nobody waits for it any more", message=type(message).__name__)
