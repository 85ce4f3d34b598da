"""What is found where nodes hold something else than the journal says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from events.names import CallId, NodeName, RelayId


@dataclass(frozen=True, slots=True)
class Ours:
    """Which sessions are of this system, beside those that its journal knew: by how their ids begin, or by ids."""

    prefixes: tuple[str, ...] = ()
    ids: Collection[str] = frozenset()

    def has(self, relay_id: RelayId) -> bool:
        """Return whether an id is one of them."""
        return relay_id in self.ids or relay_id.startswith(self.prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A session that a node holds, and of which no call of the journal is.

    ours: whether it is this system's; call_id: of the call that had it. age: for how many ms nothing was signalled of
    it, None where the node does not say.
    """

    node: NodeName
    relay_id: RelayId
    ours: bool
    call_id: CallId = CallId("")
    age: int | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ghost:
    """An open session of a live call that its node does not know."""

    node: NodeName
    relay_id: RelayId
    call_id: CallId
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A node that was asked. listed: how many sessions it named, of `whole` all; None where its kind names none.

    why: it did not answer, and why.
    """

    node: NodeName
    listed: int | None = None
    whole: bool = False
    why: str = ""


@dataclass(slots=True)
class Findings:
    """All that was found. checked: of so many sessions nodes were asked by name."""

    asked: list[Asked] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    ghosts: list[Ghost] = field(default_factory=list)
    checked: int = 0

    @property
    def left(self) -> bool:
        """Whether something is left that is this system's to mend."""
        return any(not ghost.fixed for ghost in self.ghosts) or any(
            orphan.ours and not orphan.fixed for orphan in self.orphans
        )
