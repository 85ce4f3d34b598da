"""What a call's relay is to do: which engine is engaged for which branch, and the settings of legs and context.

These are the documentation's $rtp_relay, $rtp_relay_peer and $rtp_relay_ctx. A setting without a branch holds for all
branches that do not have their own; a branch's own changes that branch only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from events.names import NO_BRANCH, BranchId, Leg, Tag
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, RelayChange

CALLER, CALLEE = Leg.CALLER, Leg.CALLEE

ALL_BRANCHES = NO_BRANCH
"""The branch of settings and engagements that hold for all."""

LEG_SETTINGS = ("flags", "peer", "ip", "type", "iface", "body", "delete", "disabled")
CONTEXT_SETTINGS = ("callid", "from_tag", "to_tag", "flags", "delete")


@dataclass(frozen=True, slots=True)
class Engagement:
    """The engine and the node set that were engaged."""

    engine: str
    set: str


@dataclass(slots=True)
class Copy:
    """A copy of a session's media. `handle` is the node's name for it; `closing` says that it is to end.

    intended_at: when it, or its end, was wanted (ms since the epoch). version: of the SDP that it offers. offer,
    answer: what the recorder was to be offered last, and what it answered; layout: what is in the offer's m= lines, as
    `caller:1`, empty where that is not known. moved: whether it has moved with its call since the recorder was last
    asked. reason: why it is to end.
    """

    session: int
    flags: str = ""
    legs: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()
    handle: str = ""
    offered: bool = False
    answered: bool = False
    closing: bool = False
    intended_at: int = 0
    version: int = 1
    offer: bytes = b""
    answer: bytes = b""
    layout: tuple[str, ...] = ()
    moved: bool = False
    reason: str = ""


@dataclass(slots=True)
class RelaySettings:
    """The settings of a call. `tags` has the branch of each callee's tag, `established` the one answered first.

    established_at: when that was, ms since the epoch. sources: by tag, the address that a party's SIP messages come
    from.
    """

    engagements: dict[str, Engagement] = field(default_factory=dict)
    settings: dict[tuple[Leg, BranchId], dict[str, str]] = field(default_factory=dict)
    bodies: dict[tuple[Leg, BranchId], bytes] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    tags: dict[Tag, BranchId] = field(default_factory=dict)
    established: str | None = None
    established_tag: str = ""
    established_at: int = 0
    sources: dict[str, str] = field(default_factory=dict)

    def copy(self) -> RelaySettings:
        """Return one that can be changed without this one."""
        return RelaySettings(
            engagements=dict(self.engagements),
            settings={key: dict(values) for key, values in self.settings.items()},
            bodies=dict(self.bodies),
            context=dict(self.context),
            tags=dict(self.tags),
            established=self.established,
            established_tag=self.established_tag,
            established_at=self.established_at,
            sources=dict(self.sources),
        )

    def engagement(self, branch: BranchId) -> Engagement | None:
        """Return what is engaged for a branch, or None."""
        return self.engagements.get(branch) or self.engagements.get(ALL_BRANCHES)

    def engaged_as(self, branch: BranchId) -> BranchId:
        """Return for which branch the relay of a branch is engaged: for that, or for all."""
        return branch if branch in self.engagements else ALL_BRANCHES

    def in_force(self, leg: Leg, branch: BranchId) -> Mapping[str, str]:
        """Return the settings of a leg that hold for a branch, without its body."""
        return {**self.settings.get((leg, ALL_BRANCHES), {}), **self.settings.get((leg, branch), {})}

    def body(self, leg: Leg, branch: BranchId) -> bytes | None:
        """Return the body that stands in for what the leg sends on this branch, or None."""
        return self.bodies.get((leg, branch), self.bodies.get((leg, ALL_BRANCHES)))

    @property
    def renames_parties(self) -> bool:
        """Whether nodes are told of parties under tags of the context's."""
        return "from_tag" in self.context or "to_tag" in self.context

    def disabled(self, branch: BranchId) -> bool:
        """Return whether one of the legs of this branch wants no relay."""
        return any(self.in_force(leg, branch).get("disabled", "0") not in ("", "0") for leg in (CALLER, CALLEE))

    def apply(self, change: RelayChange) -> None:
        """Apply a change: the fold's is one that is journalled, a script's draft's one that is yet to be."""
        match change:
            case EngageRelay():
                self.engagements[change.branch] = Engagement(change.engine, change.set)
            case ChangeLegSettings():
                self.settings.setdefault((change.leg, change.branch), {}).update(change.values)
                if change.body is not None:
                    self.bodies[change.leg, change.branch] = change.body
            case ChangeContextSettings():
                self.context.update(change.values)
