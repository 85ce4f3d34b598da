"""Changes of a call's settings, as data: what doors ask for, what a script's draft holds, what the fold applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from events.names import NO_BRANCH, BranchId, Leg
from events.values import value


@value(kw_only=True)
class EngageRelay:
    """Media go through relays of this engine and set, for all branches ("") or one."""

    engine: str
    set: str
    branch: BranchId = NO_BRANCH


@value(kw_only=True)
class ChangeLegSettings:
    """Settings of a leg (caller or callee), for all branches ("") or one; the others stay.

    body: a session description in place of the leg's own; None leaves that as it is.
    """

    leg: Leg
    branch: BranchId = NO_BRANCH
    values: Mapping[str, str]
    body: bytes | None = None


@value(kw_only=True)
class ChangeContextSettings:
    """Settings of the call as a whole; the others stay."""

    values: Mapping[str, str]


@value(kw_only=True)
class SetCallVariable:
    """A variable of the routing script."""

    variable: str
    value: str


RelayChange: TypeAlias = EngageRelay | ChangeLegSettings | ChangeContextSettings
"""A change of `RelaySettings`."""

SettingsChange: TypeAlias = RelayChange | SetCallVariable
