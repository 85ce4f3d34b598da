"""A call's settings as a routing script reads and writes them: at once, and journalled only when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from actors.setting_values import LATE, BadSetting, SettingValue, context_settings, leg_settings
from engines.registry import kind_of
from engines.set_names import BY_NAME, DEFAULT_SET, SetNames
from events.names import BranchId, Leg, Tag
from replay.relay_settings import ALL_BRANCHES, RelaySettings
from replay.settings_changes import (
    ChangeContextSettings,
    ChangeLegSettings,
    EngageRelay,
    SetCallVariable,
    SettingsChange,
)

_BEGUN_WITHOUT = "the dialog began without a relay: engage one for its first INVITE, before it is answered"


@dataclass(slots=True)
class _Copy:
    """The settings at one time, and the changes that are in them but not yet in the journal."""

    relay: RelaySettings
    variables: dict[str, str]
    changes: list[SettingsChange] = field(default_factory=list)

    def apply(self, change: SettingsChange) -> None:
        """Change the settings, and keep the change for the journal."""
        if isinstance(change, SetCallVariable):
            self.variables[change.variable] = change.value
        else:
            self.relay.apply(change)
        self.changes.append(change)

    def copied(self) -> _Copy:
        """Return an independent copy without changes."""
        return _Copy(self.relay.copy(), dict(self.variables))


@dataclass(slots=True)
class _Draft:
    """What one script function has written so far; `copy` is there from its first write on."""

    owner: CallSettings
    copy: _Copy | None = None
    closed: bool = False


_DRAFT: ContextVar[_Draft | None] = ContextVar("draft of a call's settings", default=None)
"""The draft of the script function that is running. Functions that wait run beside each other, each in its context."""


class CallSettings:
    """The settings and variables of one call. Names and values are checked here; errors are BadSetting."""

    def __init__(
        self,
        relay: RelaySettings | None = None,
        variables: Mapping[str, str] | None = None,
        sets: SetNames = BY_NAME,
        *,
        of_no_call: bool = False,
    ) -> None:
        """Make those of a call as it is now. of_no_call: a dialog's that no call with a relay or a variable has."""
        self._sets, self._of_no_call = sets, of_no_call
        self._kept = _Copy(relay.copy() if relay else RelaySettings(), dict(variables or {}))

    # -- reading --

    @property
    def relay(self) -> RelaySettings:
        """The settings in force; within a draft, the draft's. Not to be changed but by the methods below."""
        return self._seen().relay

    @property
    def variables(self) -> Mapping[str, str]:
        """The per-call variables in force; within a draft, the draft's."""
        return self._seen().variables

    @property
    def engaged(self) -> bool:
        """Whether a relay is engaged for any branch."""
        return bool(self._kept.relay.engagements)

    @property
    def tracked(self) -> bool:
        """Whether anything here needs the journal: a relay that is engaged, or a variable that was set."""
        return self.engaged or bool(self._kept.variables)

    def take(self) -> list[SettingsChange]:
        """Return the changes that were not given before, in their order: what is to be journalled."""
        changes, self._kept.changes = self._kept.changes, []
        return changes

    # -- writing --

    def engage(self, engine: str, group: str | int = DEFAULT_SET, branch: BranchId = ALL_BRANCHES) -> None:
        """Engage a relay of a set, by its name or number, for all branches ("") or one.

        Refused for an unknown engine, once the call is answered, and in a dialog that began without a call to keep it.
        """
        try:
            kind_of(engine)
            name = self._sets.name(group)
        except (LookupError, ValueError) as error:
            raise BadSetting(str(error)) from None
        if self.relay.established is not None:
            raise BadSetting(LATE)
        if self._of_no_call:
            raise BadSetting(_BEGUN_WITHOUT)
        self._write(EngageRelay(engine=engine, set=name, branch=branch))

    def set_leg(
        self, leg: Leg, branch: BranchId, values: Mapping[str, SettingValue], body: bytes | None = None
    ) -> None:
        """Change settings of a leg, for all branches ("") or one. The body may be among the values."""
        texts, sdp = leg_settings(values)
        self._write(ChangeLegSettings(leg=leg, branch=branch, values=texts, body=body if sdp is None else sdp))

    def set_context(self, values: Mapping[str, SettingValue]) -> None:
        """Change settings of the context; OpenSIPS' spellings are taken, too."""
        self._write(ChangeContextSettings(values=context_settings(values)))

    def set_variable(self, name: str, value: str) -> None:
        """Set a per-call variable."""
        if not isinstance(name, str) or not isinstance(value, str):
            raise BadSetting(f"variable {name!r}: {value!r}: name and value are texts")
        self._write(SetCallVariable(variable=name, value=value))

    def learn(self, tag: Tag, branch: BranchId) -> None:
        """Record the branch of a callee's tag. The journal has it from the message that brought it."""
        self._kept.relay.tags[tag] = branch

    @contextmanager
    def draft(self) -> Iterator[None]:
        """Apply what the block changes only if it ends without an exception; until then only the block sees it."""
        draft = _Draft(self)
        token = _DRAFT.set(draft)
        try:
            yield
        finally:
            draft.closed = True
            _DRAFT.reset(token)
        for change in draft.copy.changes if draft.copy else ():
            self._kept.apply(change)

    def _seen(self) -> _Copy:
        draft = _DRAFT.get()
        return draft.copy if draft and draft.owner is self and draft.copy else self._kept

    def _write(self, change: SettingsChange) -> None:
        draft = _DRAFT.get()
        if draft is None or draft.owner is not self:
            self._kept.apply(change)
        elif draft.closed:
            raise BadSetting("the script function has ended: what it started cannot change the call's settings")
        else:
            draft.copy = draft.copy or self._kept.copied()
            draft.copy.apply(change)
