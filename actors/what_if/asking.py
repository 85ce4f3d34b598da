"""Asking other relays what a call has asked of its own, and removing from them all that this made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from actors.commands.media import SdpBySettings
from actors.control.survey import ask_each
from actors.effects import Outcome
from actors.flows.media.descriptions import fault_in, relayed
from actors.flows.media.node_request import teardown_of
from actors.flows.media.wording import worded
from actors.node_table import Node, NodeTable
from actors.what_if.recording import Recording, Removed, Said
from engines.ids import id_on_node
from engines.kind import Operation, Untranslatable
from engines.registry import EngineName, kind_of
from engines.request import delete_of_branch
from engines.rtpengine.shown_flags import flags_shown
from engines.sdp.differences import Aspect, Difference, differences
from engines.sets import rank
from events.names import CallId
from events.values import value
from events.verb import DELETE, OFFER, Verb
from replay.relay_settings import RelaySettings
from replay.settings_changes import ChangeContextSettings, RelayChange
from replay.state import CallState, Session

TRIES = 3
"""How often a relay is asked to remove what was made, until it has confirmed it."""

OK = "ok"


@value(kw_only=True)
class Found:
    """A difference, of the step that the call's history has as this version, on the node that answered otherwise."""

    version: int
    verb: Verb
    node: str
    difference: Difference


@value(kw_only=True)
class Compared:
    """What came of a call. asked: how many operations nodes were asked. untold: how many the journal does not have.

    left: node and id of sessions of which no node has confirmed that they are gone.
    """

    call_id: CallId
    asked: int = 0
    untold: int = 0
    found: tuple[Found, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Made:
    """A session that may be on a node.

    refused: its offer was, so that nothing more is asked in it. sent: whether the node may have heard of it; silent:
    whether it has not replied to something.
    """

    recorded: int
    node: Node
    session: Session
    settings: RelaySettings | None = None
    refused: bool = False
    sent: bool = False
    silent: bool = False


@dataclass(slots=True)
class Asking:
    """Asks `nodes` for one call, under ids that begin with `run`, and so are no live call's.

    flags: words for what clients of the ng protocol have asked, beside what shows in the replies that they had.
    pause: seconds to wait, for what a node may yet do, where it has not replied. stopped: whether to go to the end.
    """

    nodes: NodeTable
    recording: Recording
    run: str
    flags: str
    pause: float
    stopped: Callable[[], bool]
    asked: int = 0
    found: list[Found] = field(default_factory=list)
    made: list[_Made] = field(default_factory=list)
    removed: list[_Made] = field(default_factory=list)

    async def compare(self) -> Compared:
        """Ask everything, remove everything, and return what differs."""
        left: list[_Made] = []
        try:
            for step in self.recording.steps:
                if self.stopped():
                    break
                if isinstance(step, Said):
                    await self._say(step)
                else:
                    await self._remove(step)
        finally:
            left = await self._clean_up()
        return Compared(
            call_id=self.recording.call_id,
            asked=self.asked,
            untold=self.recording.untold,
            found=tuple(self.found),
            left=tuple((made.node.spec.name, made.session.relay_id) for made in left),
        )

    # -- offers and answers --

    async def _say(self, step: Said) -> None:
        made = self._place(step)
        if made.refused and step.media.verb is not OFFER:
            return  # its offer was refused, which has been told
        made.settings = step.settings
        outcome = await self._ask(made, step)
        made.refused = outcome.agreed is None and (made.refused or step.media.verb is OFFER)
        made.sent |= outcome.reached
        made.silent |= outcome.reply is None and outcome.reached
        if step.media.verb is not OFFER:
            made.session.to_tag = made.session.to_tag or step.media.to_tag
        for difference in _compared(step, outcome):
            self._tell(step.version, step.media.verb, made, difference)

    async def _ask(self, made: _Made, step: Said) -> Outcome:
        state = CallState(self.recording.call_id, relay=step.settings)
        said = SdpBySettings(step.media, "", self._changes(made, step))
        try:
            request = worded(state, made.node.spec.engine, said)
        except Untranslatable as error:
            return Outcome(reached=False, reason=f"cannot be said to an {made.node.spec.engine}: {error}")
        fault = fault_in(step.media.verb, request)
        if fault is not None:
            return Outcome(reached=False, reason=fault.reason)
        operation = Operation(
            verb=step.media.verb,
            relay_id=made.session.relay_id,
            request=request.with_handle(made.session.handle),
            guarded=step.settings is not None,
        )
        outcome = relayed(step.media.verb, await self._perform(made, operation))
        if outcome.agreed is not None:
            made.session.handle = outcome.agreed.handle or made.session.handle
        return outcome

    def _changes(self, made: _Made, step: Said) -> tuple[RelayChange, ...]:
        """Return what stands for the words of a client of the ng protocol; nothing where the settings are known."""
        if step.settings is not None:
            return ()
        shows = made.node.spec.engine == EngineName.RTPENGINE and step.relayed
        shown = flags_shown(step.media.verb, step.media.sdp, step.relayed) if shows else ""
        flags = " ".join(filter(None, (shown, self.flags)))
        return (ChangeContextSettings(values={"flags": flags}),) if flags else ()

    def _place(self, step: Said) -> _Made:
        """Return the session of a step; a kind without branches has one for each of them."""
        media = step.media
        there = [made for made in self.made if made.recorded == step.session]
        for made in there:
            session = made.session
            tags = {session.from_tag, session.to_tag}
            own = kind_of(session.engine).native_branches or session.branch == media.branch
            if own or (media.to_tag and {media.from_tag, media.to_tag} == tags):
                return made
        return self._make(step)

    def _make(self, step: Said) -> _Made:
        media, number = step.media, len(self.made) + len(self.removed) + 1
        node = self._node(step.engine)
        call_id = CallId(f"{self.run}-{self.recording.call_id}")
        session = Session(
            number=number,
            engine=node.spec.engine,
            set=node.spec.set,
            node=node.spec.name,
            relay_id=id_on_node(call_id, number),
            from_tag=media.from_tag,
            to_tag=media.to_tag,
            branch=media.branch,
        )
        made = _Made(step.session, node, session)
        self.made.append(made)
        return made

    def _node(self, engine: str) -> Node:
        """Return the node for a call's sessions, chosen as for a new call: of the same kind, if there are such."""
        nodes = {node.spec.name: node for node in self.nodes.all()}
        specs = [replace(node.spec, weight=max(node.spec.weight, 1), priority=0) for node in nodes.values()]
        alike = [spec for spec in specs if spec.engine == engine]
        return nodes[rank(self.recording.call_id, alike or specs)[0].name]

    # -- removals --

    async def _remove(self, step: Removed) -> None:
        for made in [made for made in self.made if made.recorded == step.session]:
            if step.whole:
                await self._delete(made, step.version)
            elif kind_of(made.session.engine).native_branches:
                await self._delete_part(made, step)
            elif step.branch and made.session.branch == step.branch:
                await self._delete(made, step.version)

    async def _delete(self, made: _Made, version: int) -> None:
        """Remove a session as the call did; what is not confirmed is removed again in the end."""
        if made.refused or made.silent or not made.sent:
            return
        outcome = await self._perform(made, self._teardown(made))
        self._judge(made, version, outcome)
        if outcome.agreed is not None:
            self.made.remove(made)
            self.removed.append(made)

    async def _delete_part(self, made: _Made, step: Removed) -> None:
        request = delete_of_branch(step.from_tag, step.to_tag, step.branch)
        operation = Operation(verb=DELETE, relay_id=made.session.relay_id, request=request)
        self._judge(made, step.version, await self._perform(made, operation))

    def _judge(self, made: _Made, version: int, outcome: Outcome) -> None:
        if outcome.agreed is None:
            failed = Difference(aspect=Aspect.ERROR, what=DELETE, recorded=OK, given=outcome.why or "refused")
            self._tell(version, DELETE, made, failed)

    def _teardown(self, made: _Made) -> Operation:
        return teardown_of(CallState(self.recording.call_id, relay=made.settings), made.session)

    async def _clean_up(self) -> list[_Made]:
        """Remove all that was made; return what no node has confirmed to be gone.

        What had no reply may arrive later: it is removed once more when it cannot.
        """
        left = [made for made in self.made if made.sent]
        for turn in range(TRIES):
            if any(made.silent for made in left) and turn:
                await asyncio.sleep(self.pause)
            left = [made for made in left if not await self._is_gone(made) or (made.silent and not turn)]
            if not left:
                break
        return left

    async def _is_gone(self, made: _Made) -> bool:
        outcome = await self._perform(made, self._teardown(made))
        return outcome.agreed is not None or (outcome.reply is not None and outcome.reply.unknown)

    # -- both --

    async def _perform(self, made: _Made, operation: Operation) -> Outcome:
        self.asked += 1
        return (await ask_each([(made.node, operation)], patience=max(10.0, 4 * self.pause)))[0]

    def _tell(self, version: int, verb: Verb, made: _Made, difference: Difference) -> None:
        self.found.append(Found(version=version, verb=verb, node=made.node.spec.name, difference=difference))


def _compared(step: Said, outcome: Outcome) -> Sequence[Difference]:
    """Return in what the reply differs from the one that is recorded; two refusals are alike, whatever their words."""
    reply = outcome.agreed
    if reply is None or step.failure:
        given = OK if reply is not None else outcome.why or "refused"
        if reply is None and step.failure:
            return ()
        return (Difference(aspect=Aspect.ERROR, what=step.media.verb, recorded=step.failure or OK, given=given),)
    return differences(step.relayed, reply.sdp)
