"""The settings of a call's legs and context: the documentation's $rtp_relay, $rtp_relay_peer and $rtp_relay_ctx."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from actors import setting_values
from actors.setting_values import BadSetting, SettingValue
from events.names import BranchId, Leg, Tag
from replay.relay_settings import ALL_BRANCHES, RelaySettings
from rtp_relay.api.errors import BadValue

SetLeg: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None], Awaitable[None]]
SetContext: TypeAlias = Callable[[Mapping[str, str]], Awaitable[None]]
Read: TypeAlias = Callable[[], Awaitable[RelaySettings]]

Branch: TypeAlias = int | str | None
"""A branch by its index (0, 1, ...), by its callee's tag, or None for all of them."""


def branch_name(index: int) -> BranchId:
    """Return the name that a branch has on relays: OpenSIPS' via-branch for rtpengine."""
    with _bad_value():
        return setting_values.branch_name(index)


class LegVariables:
    """The settings of one leg, for all branches or one.

    flags: of the leg, used when it sends SDP. peer: used when its peer does. ip: advertised to it. type: the transport
    it uses (RTP/SAVPF, ...). iface: the interface for its media. body: in place of the SDP that it sends. delete: used
    when the session ends. disabled: no relay for it.
    """

    def __init__(self, leg: str, branch: Branch, write: SetLeg, read: Read) -> None:
        self._leg, self._branch, self._write, self._read = leg, branch, write, read

    async def set(self, **values: SettingValue) -> None:
        """Change settings; they are in force from the next offer or answer on, for as long as the call lives.

        Raises BadValue for a name that there is not.
        """
        with _bad_value():
            texts, body = setting_values.leg_settings(values)
        await self._write(self._leg, await self._resolved(), texts, body)

    async def get(self) -> Mapping[str, str]:
        """Return the settings in force, without the body."""
        relay = await self._read()
        return relay.in_force(Leg(self._leg), BranchId(await self._resolved()))

    async def _resolved(self) -> str:
        if self._branch is None:
            return ALL_BRANCHES
        if isinstance(self._branch, int):
            return branch_name(self._branch)
        tags = (await self._read()).tags
        with _bad_value():
            return setting_values.branch_of(Tag(self._branch), tags)


class ContextVariables:
    """The settings of the call as a whole: callid, from_tag and to_tag that relays are given, flags, delete flags."""

    def __init__(self, write: SetContext, read: Read) -> None:
        self._write, self._read = write, read

    async def set(self, **values: SettingValue) -> None:
        """Change settings. Raises BadValue for a name that there is not.

        OpenSIPS' spellings with hyphens are taken, too: `set(**{"from-tag": "x"})`.
        """
        with _bad_value():
            texts = setting_values.context_settings(values)
        await self._write(texts)

    async def get(self) -> Mapping[str, str]:
        """Return the settings in force."""
        return dict((await self._read()).context)


@contextmanager
def _bad_value() -> Iterator[None]:
    """Raise what this API's users know in place of BadSetting."""
    try:
        yield
    except BadSetting as error:
        raise BadValue(str(error)) from None
