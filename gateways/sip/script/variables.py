"""The documentation's $rtp_relay, $rtp_relay_peer and $rtp_relay_ctx, and per-call variables, as scripts see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, overload

from actors.setting_values import SPELLINGS, BadSetting, SettingValue, branch_name, branch_of
from events.names import BranchId, Leg, Tag
from gateways.sip.calls.settings import CallSettings
from gateways.sip.script.names import Named
from replay.relay_settings import CONTEXT_SETTINGS, LEG_SETTINGS

FlagsText: TypeAlias = str | int | None
"""What can be assigned to a leg, or to one of its branches: its flags. None sets them to nothing."""


def flags_from(name: str, given: Any) -> FlagsText:
    """Return flags that were assigned to what has this name. Raises BadSetting for anything but a text."""
    if given is None or (isinstance(given, str | int) and not isinstance(given, bool)):
        return given
    others = ", ".join(LEG_SETTINGS[1:])
    raise BadSetting(f"{name} = {given!r}: expected a text, its flags; {others} are set by name, as {name}.ip = ...")


class _LegText:
    """A setting of a leg that is a text: "" if it is not set. None sets it to nothing."""

    def __set_name__(self, owner: type[LegSettings], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, leg: None, owner: type[LegSettings]) -> _LegText: ...

    @overload
    def __get__(self, leg: LegSettings, owner: type[LegSettings]) -> str: ...

    def __get__(self, leg: LegSettings | None, owner: type[LegSettings]) -> str | _LegText:
        return self if leg is None else leg.in_force.get(self._name, "")

    def __set__(self, leg: LegSettings, value: str | int | None) -> None:
        leg.set(**{self._name: "" if value is None else value})


class LegSettings(Named):
    """The settings of one leg, in all branches or one. Reading gives what is in force, inherited values too.

    flags: of the leg, used when it sends SDP. peer: used when its peer does. ip: advertised to it. type: the transport
    it uses (RTP/SAVPF, ...). iface: the interface for its media. delete: used when the session ends. With an index, 0
    for the first branch or a callee's tag, it is that branch's: the callee's of `rtp_relay`, the caller's of
    `rtp_relay_peer`.
    """

    __slots__ = ("_branch", "_indexed", "_leg", "_settings")

    flags = _LegText()
    peer = _LegText()
    ip = _LegText()
    type = _LegText()
    iface = _LegText()
    delete = _LegText()

    def __init__(self, settings: CallSettings, leg: str, branch: str, indexed: str) -> None:
        """Return a view of a leg in a branch ("" for all). `indexed` is the leg that an index stands for."""
        self._settings, self._leg, self._branch, self._indexed = settings, leg, branch, indexed

    @property
    def body(self) -> bytes | None:
        """The session description that stands in for what the leg sends, None if there is none."""
        return self._settings.relay.body(Leg(self._leg), BranchId(self._branch))

    @body.setter
    def body(self, sdp: str | bytes) -> None:
        self.set(body=sdp)

    @property
    def disabled(self) -> bool:
        """Whether this leg wants no relay; then the branch has none."""
        return self.in_force.get("disabled", "0") not in ("", "0")

    @disabled.setter
    def disabled(self, value: bool | int | str) -> None:
        self.set(disabled=value)

    @property
    def in_force(self) -> Mapping[str, str]:
        """All settings in force by their names, without the body."""
        return self._settings.relay.in_force(Leg(self._leg), BranchId(self._branch))

    def set(self, **values: SettingValue) -> None:
        """Change several settings at once. Raises BadSetting for a name that there is not."""
        self._settings.set_leg(Leg(self._leg), BranchId(self._branch), values)

    def branch(self, key: int | str) -> LegSettings:
        """Return the settings in one branch, by its index (0, 1, ...) or its callee's tag."""
        name = branch_name(key) if isinstance(key, int) else branch_of(Tag(key), self._settings.relay.tags)
        return LegSettings(self._settings, self._indexed, name, self._indexed)

    @overload
    def __getitem__(self, key: int) -> LegSettings: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str) and key in LEG_SETTINGS:
            return getattr(self, key)
        return self.branch(self._checked(key))

    def __setitem__(self, key: int | str, value: SettingValue | None) -> None:
        """Set a setting by its name, or the flags of a branch: `rtp_relay[1] = "r"`, as OpenSIPS has it."""
        if isinstance(key, str) and key in LEG_SETTINGS:
            setattr(self, key, value)
        else:
            self.branch(self._checked(key)).flags = flags_from(f"[{key!r}]", value)

    def _checked(self, key: Any) -> int | str:
        tags = self._settings.relay.tags
        if isinstance(key, int) and not isinstance(key, bool):
            return key
        if isinstance(key, str) and key in tags:
            return key
        known = f"settings: {', '.join(LEG_SETTINGS)}; tags: {', '.join(tags) or 'none yet'}"
        raise BadSetting(
            f"[{key!r}] is neither a branch's index (0, 1, ...) nor its callee's tag nor a setting ({known})"
        )

    def __repr__(self) -> str:
        return f"<{self._leg}, {self._branch or 'all branches'}: {dict(self.in_force)}>"


class _ContextText:
    """A setting of the context: "" if it is not set."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, context: None, owner: type[ContextSettings]) -> _ContextText: ...

    @overload
    def __get__(self, context: ContextSettings, owner: type[ContextSettings]) -> str: ...

    def __get__(self, context: ContextSettings | None, owner: type[ContextSettings]) -> str | _ContextText:
        return self if context is None else context.in_force.get(self._name, "")

    def __set__(self, context: ContextSettings, value: str | int | None) -> None:
        context.set(**{self._name: "" if value is None else value})


class ContextSettings(Named):
    """The settings of the call as a whole: callid, from_tag and to_tag that relays are given, flags, delete flags."""

    __slots__ = ("_settings",)

    callid = _ContextText("callid")
    call_id = _ContextText("callid")
    from_tag = _ContextText("from_tag")
    to_tag = _ContextText("to_tag")
    flags = _ContextText("flags")
    delete = _ContextText("delete")

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings

    @property
    def in_force(self) -> Mapping[str, str]:
        """All settings by their names."""
        return dict(self._settings.relay.context)

    def set(self, **values: SettingValue) -> None:
        """Change several settings at once. Raises BadSetting for a name that there is not."""
        self._settings.set_context(values)

    def __getitem__(self, name: str) -> str:
        name = SPELLINGS.get(name, name)
        if name not in CONTEXT_SETTINGS:
            raise BadSetting(f"there is no setting {name!r}; there are {', '.join(CONTEXT_SETTINGS)}")
        return self.in_force.get(name, "")

    def __setitem__(self, name: str, value: SettingValue | None) -> None:
        self._settings.set_context({name: "" if value is None else value})

    def __repr__(self) -> str:
        return f"<context: {self.in_force}>"


class CallVariables(Mapping[str, str]):
    """Variables of the script's own that live as long as the call, on each control node: texts by their names."""

    __slots__ = ("_settings",)

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings

    def __getitem__(self, name: str) -> str:
        return self._settings.variables[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._settings.set_variable(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings.variables)

    def __len__(self) -> int:
        return len(self._settings.variables)

    def __repr__(self) -> str:
        return repr(dict(self))
