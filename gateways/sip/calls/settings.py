"""A call's settings as a routing script reads and writes them: at once, and journalled only when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from actors.setting_values import BadSetting, SettingValue, context_settings, leg_settings
from engines.registry import kind_of
from events.registry import CallVariableSet, ContextSettingsChanged, Event, LegSettingsChanged, RelayEngaged
from replay.relay_settings import ALL_BRANCHES, RelaySettings
from replay.settings_changes import ChangeLegSettings, EngageRelay

LATE = "the call is established: engage a relay before it is answered"


@dataclass(slots=True)
class _Copy:
    """The settings at one time, and the events that are in them but not yet in the journal."""

    relay: RelaySettings
    variables: dict[str, str]
    news: list[Event] = field(default_factory=list)

    def take_in(self, event: Event) -> None:
        """Do to the settings what the fold does for such an event."""
        match event:
            case RelayEngaged(engine=engine, set=set_name, branch=branch):
                self.relay.apply(EngageRelay(engine=engine, set=set_name, branch=branch))
            case LegSettingsChanged(leg=leg, branch=branch, values=values, body=body):
                self.relay.apply(ChangeLegSettings(leg=leg, branch=branch, values=values, body=body))
            case ContextSettingsChanged(values=values):
                self.relay.context.update(values)
            case CallVariableSet(variable=name, value=text):
                self.variables[name] = text
        self.news.append(event)

    def copied(self) -> _Copy:
        """Return an independent copy without news."""
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

    def __init__(self, relay: RelaySettings | None = None, variables: Mapping[str, str] | None = None) -> None:
        self._kept = _Copy(relay or RelaySettings(), dict(variables or {})).copied()

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

    def take(self) -> list[Event]:
        """Return the events that were not given before, in their order: what is to be journalled."""
        news, self._kept.news = self._kept.news, []
        return news

    # -- writing --

    def engage(self, engine: str, set_name: str = "default", branch: str = ALL_BRANCHES) -> None:
        """Engage a relay for all branches ("") or one. Refused for an unknown engine, and once the call is answered."""
        try:
            kind_of(engine)
        except LookupError as error:
            raise BadSetting(str(error)) from None
        if self.relay.established is not None:
            raise BadSetting(LATE)
        self._write(RelayEngaged(engine=engine, set=set_name, branch=branch))

    def set_leg(self, leg: str, branch: str, values: Mapping[str, SettingValue], body: bytes | None = None) -> None:
        """Change settings of a leg, for all branches ("") or one. The body may be among the values."""
        texts, sdp = leg_settings(values)
        self._write(LegSettingsChanged(leg=leg, branch=branch, values=texts, body=body if sdp is None else sdp))

    def set_context(self, values: Mapping[str, SettingValue]) -> None:
        """Change settings of the context; OpenSIPS' spellings are taken, too."""
        self._write(ContextSettingsChanged(values=context_settings(values)))

    def set_variable(self, name: str, value: str) -> None:
        """Set a per-call variable."""
        if not isinstance(name, str) or not isinstance(value, str):
            raise BadSetting(f"variable {name!r}: {value!r}: name and value are texts")
        self._write(CallVariableSet(variable=name, value=value))

    def learn(self, tag: str, branch: str) -> None:
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
        for event in draft.copy.news if draft.copy else ():
            self._kept.take_in(event)

    def _seen(self) -> _Copy:
        draft = _DRAFT.get()
        return draft.copy if draft and draft.owner is self and draft.copy else self._kept

    def _write(self, event: Event) -> None:
        draft = _DRAFT.get()
        if draft is None or draft.owner is not self:
            self._kept.take_in(event)
        elif draft.closed:
            raise BadSetting("the script function has ended: what it started cannot change the call's settings")
        else:
            draft.copy = draft.copy or self._kept.copied()
            draft.copy.take_in(event)
