"""The settings of a call's legs and context: the documentation's $rtp_relay, $rtp_relay_peer and $rtp_relay_ctx."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from replay.relay import ALL_BRANCHES, CONTEXT_SETTINGS, LEG_SETTINGS, Relay
from rtp_relay.api.errors import BadValue

SetLeg: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None], Awaitable[None]]
SetContext: TypeAlias = Callable[[Mapping[str, str]], Awaitable[None]]
Read: TypeAlias = Callable[[], Awaitable[Relay]]

_SPELLINGS = {"call_id": "callid", "call-id": "callid", "from-tag": "from_tag", "to-tag": "to_tag"}
"""Other ways in which scripts write the names of the context's settings."""

Value: TypeAlias = str | int | bool | bytes
Branch: TypeAlias = int | str | None
"""A branch by its index (0, 1, ...), by its callee's tag, or None for all of them."""


def branch_name(index: int) -> str:
    """Give the name that a branch has on relays: OpenSIPS' via-branch for rtpengine."""
    if index < 0:
        raise BadValue(f"branch {index}: branches count from 0; None stands for all of them")
    return f"br{index}"


class LegVariables:
    """The settings of one leg, for all branches or one.

    flags: of the leg, used when it sends SDP. peer: used when its peer does. ip: advertised to it. type: the transport
    it uses (RTP/SAVPF, ...). iface: the interface for its media. body: in place of the SDP that it sends. delete: used
    when the session ends. disabled: no relay for it.
    """

    def __init__(self, leg: str, branch: Branch, write: SetLeg, read: Read) -> None:
        self._leg, self._branch, self._write, self._read = leg, branch, write, read

    async def set(self, **values: Value) -> None:
        """Change settings; they are in force from the next offer or answer on, for as long as the call lives.

        Raises BadValue for a name that there is not.
        """
        _check_names(values, LEG_SETTINGS)
        body = values.pop("body", None)
        sdp = body.encode() if isinstance(body, str) else body
        if sdp is not None and not isinstance(sdp, bytes):
            raise BadValue(f"body: {body!r} is no session description (str or bytes)")
        branch = await self._resolved()
        await self._write(self._leg, branch, {name: _text(value) for name, value in values.items()}, sdp)

    async def get(self) -> Mapping[str, str]:
        """Give the settings in force, without the body."""
        relay = await self._read()
        return relay.in_force(self._leg, await self._resolved())

    async def _resolved(self) -> str:
        if self._branch is None:
            return ALL_BRANCHES
        if isinstance(self._branch, int):
            return branch_name(self._branch)
        tags = (await self._read()).tags
        if self._branch not in tags:
            raise BadValue(f"no branch has the tag {self._branch!r}; there are {', '.join(tags) or 'none'}")
        return tags[self._branch]


class ContextVariables:
    """The settings of the call as a whole: callid, from_tag and to_tag that relays are given, flags, delete flags."""

    def __init__(self, write: SetContext, read: Read) -> None:
        self._write, self._read = write, read

    async def set(self, **values: Value) -> None:
        """Change settings. Raises BadValue for a name that there is not.

        OpenSIPS' spellings with hyphens are taken, too: `set(**{"from-tag": "x"})`.
        """
        named = {_SPELLINGS.get(name, name): value for name, value in values.items()}
        _check_names(named, CONTEXT_SETTINGS)
        await self._write({name: _text(value) for name, value in named.items()})

    async def get(self) -> Mapping[str, str]:
        """Give the settings in force."""
        return dict((await self._read()).context)


def _check_names(values: Mapping[str, Value], known: tuple[str, ...]) -> None:
    for name in values:
        if name not in known:
            raise BadValue(f"there is no setting {name!r}; there are {', '.join(known)}")


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value.decode() if isinstance(value, bytes) else str(value)
