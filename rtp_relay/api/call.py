"""A call's relay, for an application that speaks SIP itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from actors.commands.command import CallCommand
from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.commands.migration import Migrate, MoveTarget
from actors.commands.relay import EndRelay, EstablishBranch, FailBranch, RelaySdp
from actors.commands.settings import ChangeSettings
from actors.commands.sip import ObserveSipMessage
from actors.directory import Directory
from actors.results import Moved
from actors.setting_values import BadSetting, SettingValue, leg_settings
from engines.set_names import BY_NAME, DEFAULT_SET, SetNames
from events.journal import Journal
from events.names import BranchId, CallId, Leg, NodeName, Tag
from events.reading import read_all
from events.records import Recorded
from events.verb import SdpVerb, Verb
from replay.fold import fold
from replay.offer_answer import SipMessage
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.relay_settings import ALL_BRANCHES, CALLEE, CALLER, RelaySettings
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, SettingsChange
from replay.state import CallState
from rtp_relay.api import given
from rtp_relay.api.copy_moves import copy_moves
from rtp_relay.api.errors import BadValue, check, check_move
from rtp_relay.api.observed import Observed, told
from rtp_relay.api.variables import Branch, ContextVariables, LegVariables, branch_name

R = TypeVar("R")
NO_SETTINGS: Mapping[str, SettingValue] = MappingProxyType({})
METHODS = ("INVITE", "UPDATE")
"""Of the requests by which parties are told that their call moves."""


class RelayCall:
    """The relay of one call. It may be used from any control node, also after the one before has died."""

    def __init__(
        self,
        call_id: str,
        directory: Directory,
        journal: Journal,
        sets: SetNames = BY_NAME,
        numbers: Numbers = ALL_SHOWN,
    ) -> None:
        self._numbers = numbers
        self.call_id = call_id
        self._sets = sets
        self._directory, self._journal = directory, journal

    # -- settings --

    def rtp_relay(self, branch: Branch = None, *, leg: str | None = None) -> LegVariables:
        """Return the settings of a leg: the caller's for all branches, the callee's for one, unless `leg` says which.

        So $rtp_relay means the caller in the main route, and the branch's callee in a branch route or by index.
        """
        return self._variables(leg or (CALLER if branch is None else CALLEE), branch)

    def rtp_relay_peer(self, branch: Branch = None, *, leg: str | None = None) -> LegVariables:
        """Return the settings of the other leg than `rtp_relay` with the same arguments."""
        return self._variables(_other(leg or (CALLER if branch is None else CALLEE)), branch)

    @property
    def rtp_relay_ctx(self) -> ContextVariables:
        """The settings of the call as a whole."""
        return ContextVariables(self._set_context, self._settings)

    async def engage(
        self,
        engine: str,
        set: str | int = DEFAULT_SET,  # noqa: A002 the documentation's name
        *,
        branch: int | None = None,
    ) -> None:
        """Engage an engine and a node set, by its name or number, for all branches or one.

        Raises LateEngage once the call is answered, and BadValue for what is no set.
        """
        name = ALL_BRANCHES if branch is None else branch_name(branch)
        await self._change(EngageRelay(engine=given.text("engine", engine), set=self._set_name(set), branch=name))

    # -- what the SIP stack saw --

    async def see(self, event: SipMessage, *, received_from: str = "") -> Observed:
        """Report a SIP message, and return what is to stand in it.

        The initial INVITE is told of once for each branch that goes out, with the branch's name (`branch_name(0)`).
        Raises RelayError if its offer or answer could not be relayed. A message with the fault FOREIGN is of another
        caller's call, which has the same Call-ID, and changes nothing of this one (RelaySystem.call).
        """
        command = ObserveSipMessage(
            call_id=CallId(self.call_id),
            message=given.message(event),
            received_from=given.text("received_from", received_from),
            at=self._directory.now(),
            waits=True,
        )
        return told(await self._ask(command))

    # -- offers and answers by hand --

    async def offer(
        self, sdp: bytes | str, *, from_tag: str, to_tag: str = "", leg: str = CALLER, branch: int = 0, source: str = ""
    ) -> bytes:
        """Relay an offer that `leg` made, and give the SDP for the other side."""
        return await self._relay(
            Verb.OFFER, sdp, from_tag=from_tag, to_tag=to_tag, leg=leg, branch=branch, source=source
        )

    async def answer(
        self, sdp: bytes | str, *, from_tag: str, to_tag: str, leg: str = CALLEE, branch: int = 0, source: str = ""
    ) -> bytes:
        """Relay an answer that `leg` made. `from_tag` is the tag of who made the offer, `to_tag` the answerer's."""
        return await self._relay(
            Verb.ANSWER, sdp, from_tag=from_tag, to_tag=to_tag, leg=leg, branch=branch, source=source
        )

    async def establish(self, branch: int, *, from_tag: str, to_tag: str) -> None:
        """Establish a branch, which was answered for good: all others are torn down at once."""
        command = EstablishBranch(
            call_id=CallId(self.call_id),
            branch=branch_name(branch),
            callers_tag=_tag("from_tag", from_tag),
            callees_tag=_tag("to_tag", to_tag),
            at=self._directory.now(),
        )
        await self._ask(command)

    async def fail_branch(self, branch: int, *, from_tag: str, reason: str = "the branch failed") -> None:
        """Tear one branch down, if `from_tag` is a party's. The call goes on: another branch may yet be made."""
        command = FailBranch(
            call_id=CallId(self.call_id),
            branch=branch_name(branch),
            callers_tag=_tag("from_tag", from_tag),
            reason=given.text("reason", reason),
            at=self._directory.now(),
        )
        await self._ask(command)

    async def delete(
        self, *, from_tag: str = "", to_tag: str = "", reason: str = "the call ended"
    ) -> Mapping[bytes, Any]:
        """End the call's relay; gives the node's statistics as ng has them.

        Deleting an ended call does nothing, nor does naming a `from_tag` that is none of its parties'.
        """
        command = EndRelay(
            call_id=CallId(self.call_id),
            from_tag=_tag("from_tag", from_tag),
            to_tag=_tag("to_tag", to_tag),
            reason=given.text("reason", reason),
            at=self._directory.now(),
        )
        return (await self._ask(command)).reply.everything()

    # -- moves --

    async def move(
        self,
        *,
        engine: str = "",
        set: str | int = "",  # noqa: A002 the documentation's name
        node: str = "",
        caller: Mapping[str, SettingValue] = NO_SETTINGS,
        callee: Mapping[str, SettingValue] = NO_SETTINGS,
        method: Literal["INVITE", "UPDATE"] = "INVITE",
        asked_by: str = "",
        reason: str = "",
    ) -> Moved:
        """Move the call to another node, and return where it is then; one that rings moves when it is answered.

        Without an engine, set or node it keeps the one that it has, or gets any node of its set. caller, callee:
        settings that change with it. Its parties get requests in their dialog, where a SIP door serves that. Raises
        NotMoved if it is where it was, and BadValue for a setting that there is not.
        """
        if method not in METHODS:
            raise BadValue(f"method {method!r}: a party is told of its call's move by {' or '.join(METHODS)}")
        command = Migrate(
            call_id=CallId(self.call_id),
            target=MoveTarget(
                engine=given.text("engine", engine),
                set=self._set_name(set) if set != "" else "",
                node=NodeName(given.text("node", node)),
            ),
            caller=_leg("caller", caller),
            callee=_leg("callee", callee),
            method=method,
            asked_by=given.text("asked_by", asked_by),
            reason=given.text("reason", reason),
        )
        return check_move(await self._directory.ask(command))

    # -- copies --

    async def copy_offer(
        self,
        name: str,
        *,
        legs: tuple[str, ...] = (),
        streams: tuple[int, ...] = (),
        siprec: bool = False,
        inactive: bool = False,
    ) -> bytes:
        """Begin a copy of the call's media under a name of yours, and give the SDP to offer to the recorder.

        legs: whose media ("caller", "callee"), both if empty. streams: numbers of m= lines from 1, all if empty.
        siprec: label the streams as RFC 7866 wants it. inactive: begin paused. The same name again changes that copy,
        or ends it if the change fails. An rtpproxy copies or records a stream once at a time: another is Refused.
        """
        command = OfferCopy(
            call_id=CallId(self.call_id),
            name=given.text("name", name),
            legs=given.legs(legs),
            streams=given.streams(streams),
            siprec=given.yes_or_no("siprec", siprec),
            inactive=given.yes_or_no("inactive", inactive),
        )
        return (await self._ask(command)).sdp

    async def copy_answer(self, name: str, sdp: bytes | str) -> None:
        """Return the recorder's answer: media flow to it until the copy or the call ends."""
        await self._ask(AnswerCopy(call_id=CallId(self.call_id), name=name, sdp=given.body("sdp", sdp)))

    def copy_moves(self, name: str) -> AsyncIterator[bytes]:
        """Return what is to be offered to a copy's recorder whenever the copy moves with its call, until it ends.

        It is to be answered as `copy_offer`'s is, by `copy_answer`. Whichever control node moves the call, it is heard
        of here within a second; and at once, if the recorder has not been asked since the last move.
        """
        return copy_moves(self._journal, CallId(self.call_id), name)

    async def copy_delete(self, name: str, *, reason: str = "asked for") -> None:
        """End a copy. Copies end with the call by themselves."""
        await self._ask(DeleteCopy(call_id=CallId(self.call_id), name=name, reason=given.text("reason", reason)))

    # -- reading --

    async def history(self) -> list[Recorded]:
        """Return the call's events, oldest first, with numbers of parties as they may be shown (`[privacy]`)."""
        return list(map(self._numbers.entry, await self._records()))

    async def _records(self) -> list[Recorded]:
        return await read_all(self._journal, CallId(self.call_id))

    async def state(self, version: int | None = None) -> CallState:
        """Return the call's state, now or at a version."""
        records = await self._records()
        return fold(CallId(self.call_id), records if version is None else records[:version])

    def _set_name(self, wanted: str | int) -> str:
        try:
            return self._sets.name(given.text("set", wanted) if isinstance(wanted, str) else wanted)
        except ValueError as error:
            raise BadValue(str(error)) from None

    async def _settings(self) -> RelaySettings:
        return (await self.state()).relay or RelaySettings()

    def _variables(self, leg: str, branch: Branch) -> LegVariables:
        return LegVariables(given.leg(leg), branch, self._set_leg, self._settings)

    async def _set_leg(self, leg: str, branch: str, values: Mapping[str, str], body: bytes | None) -> None:
        await self._change(ChangeLegSettings(leg=Leg(leg), branch=BranchId(branch), values=values, body=body))

    async def _set_context(self, values: Mapping[str, str]) -> None:
        await self._change(ChangeContextSettings(values=values))

    async def _change(self, change: SettingsChange) -> None:
        await self._ask(ChangeSettings(call_id=CallId(self.call_id), changes=(change,)))

    async def _relay(
        self,
        verb: SdpVerb,
        sdp: bytes | str,
        *,
        from_tag: str,
        to_tag: str,
        leg: str,
        branch: int,
        source: str,
    ) -> bytes:
        command = RelaySdp(
            verb=verb,
            call_id=CallId(self.call_id),
            leg=given.leg(leg),
            branch=branch_name(branch),
            from_tag=_tag("from_tag", from_tag),
            to_tag=_tag("to_tag", to_tag),
            sdp=given.body("sdp", sdp),
            received_from=given.text("source", source),
            at=self._directory.now(),
        )
        return (await self._ask(command)).sdp

    async def _ask(self, command: CallCommand[R]) -> R:
        """Ask the call, and return the result. Raises the error that a refusal stands for."""
        return check(await self._directory.ask(command))


def _tag(name: str, tag: str) -> Tag:
    return Tag(given.text(name, tag))


def _leg(name: str, values: Mapping[str, SettingValue]) -> Mapping[str, str]:
    if not isinstance(values, Mapping):
        raise BadValue(f"{name}: {values!r} is no mapping of settings")
    try:
        settings, body = leg_settings(values)
    except BadSetting as error:
        raise BadValue(str(error)) from None
    if body is not None:
        raise BadValue("body: it cannot be given to a call that has been answered")
    return settings


def _other(leg: str) -> str:
    return CALLEE if leg == CALLER else CALLER
