"""The search for a node that takes an offer: what was tried, what may be tried next, and what to say if none does."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.media import Offer
from actors.node_table import NodeTable
from actors.results import Refused
from engines.refusal import RefusalCode
from engines.sets import NodeSpec
from events.values import value
from replay.state import Session

MAX_NODES = 3
"""How many nodes one offer tries: with their timeouts, about what a client waits."""


def none_of(set_name: str) -> str:
    """Return that no node of a set takes new calls, whatever its kind."""
    return f"No node of set {set_name!r} takes new calls"


@value
class Choices:
    """What an offer has to choose from, as it was when the decision was asked for: an input of that decision.

    nodes: that a new session may be placed on, best first. none: what to say where there are none. reachable: the names
    of those that take commands. asked, left, kinds: sessions (node and id there) that were asked in vain, nodes not to
    be asked any more, and kinds of relay none of which would ever take the offer.
    """

    nodes: Sequence[NodeSpec]
    none: str
    reachable: frozenset[str]
    asked: frozenset[tuple[str, str]]
    left: frozenset[str]
    kinds: frozenset[str]

    def may_stay(self, session: Session) -> bool:
        """Return whether the offer is to go to the session that it belongs to, rather than to another node."""
        if (session.node, session.relay_id) in self.asked or session.node in self.left:
            return False
        return not self.nodes or (session.node in self.reachable and session.engine not in self.kinds)


class Search:
    """The nodes of the offer's set, but for those that failed it.

    refusal: what to tell the client if no other node takes it, None before the first failure. A cause that may pass
    goes before one that will not: there is a kind of relay that could take the offer.
    """

    def __init__(self, command: Offer, nodes: NodeTable) -> None:
        self.refusal: Refused | None = None
        self._command, self._nodes = command, nodes
        self._sessions: set[tuple[str, str]] = set()  # asked in vain, as node and id there
        self._names: set[str] = set()  # of nodes that are not to be asked any more
        self._kinds: set[str] = set()  # no node of which would ever take the offer

    def choices(self) -> Choices:
        """Return what the offer has to choose from now; no other nodes for one that does not move."""
        nodes = self._others() if self._command.moves else ()
        return Choices(
            nodes=nodes,
            none="" if nodes else self._none(),
            reachable=self._nodes.reachable,
            asked=frozenset(self._sessions),
            left=frozenset(self._names),
            kinds=frozenset(self._kinds),
        )

    def _others(self) -> Sequence[NodeSpec]:
        command = self._command
        candidates = self._nodes.candidates(command.set, command.call_id, command.engine)
        not_these = self._names | {command.avoid}
        left = [node for node in candidates if node.name not in not_these and node.engine not in self._kinds]
        return sorted(left, key=lambda node: node.name != command.node) if command.node else left

    def _none(self) -> str:
        """Return that there are none; it names the engine where the set has nodes that take calls, but of others."""
        set_name, call_id, engine = self._command.set, self._command.call_id, self._command.engine
        if not engine or self._nodes.candidates(set_name, call_id, engine):
            return none_of(set_name)
        others = self._nodes.candidates(set_name, call_id)
        return f"No {engine} node of set {set_name!r} takes new calls" if others else none_of(set_name)

    def failed(self, kind: str, session: tuple[str, str], refusal: Refused) -> None:
        """Record a session (node, id there) in which the offer failed, and the reason.

        A node that does not know the session may well take a new one.
        """
        code = refusal.code
        self._sessions.add(session)
        if code is not RefusalCode.UNKNOWN_SESSION:
            self._names.add(session[0])
        if code.is_lasting:
            self._kinds.add(kind)
        if self.refusal is None or not code.is_lasting:
            self.refusal = refusal

    @property
    def goes_on(self) -> bool:
        """Whether another node is to be tried."""
        return self._command.moves and len(self._sessions) < MAX_NODES and bool(self._others())
