"""A call's relay, for an application that speaks SIP itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from actors.directory import Directory
from actors.effects import Flow
from actors.flows.media import copies
from actors.flows.media.copies import CopyIntent
from actors.flows.media.delete import delete, delete_of_party
from actors.flows.sip import relayed_media as flows
from actors.flows.sip.observe import REFUSE_WITH, REMEDY, VERDICT, ObservedSipMessage, see
from actors.flows.sip.relayed_media import RelayedSdp
from actors.node_table import NodeTable
from engines.copy_request import Leg as CopiedLeg
from engines.ng.bencode import NgDict
from engines.ng.bulky import whole
from events.journal import Journal, Recorded
from replay.fold import fold
from replay.offer_answer import SipMessage
from replay.relay_settings import ALL_BRANCHES, CALLEE, CALLER, RelaySettings
from replay.state import CallState
from rtp_relay.api.errors import BadValue, check
from rtp_relay.api.variables import Branch, ContextVariables, LegVariables, branch_name


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a SIP message. sdp: what is to stand in it in place of its own, None to leave it as it is.

    role: offer, answer, repeat, nothing or illegal. change: what it did to the call (established, branch failed, ...).
    fault: the name of what is wrong with it, "" for nothing. why: the same in words.

    remedy: what is to be done about a message whose own SDP must not go on, since no relay speaks for it: "strip" takes
    it out, "refuse" does not send the message on; a request is answered with `refuse_with`, and a 2xx to an INVITE
    becomes a failure with that status, its dialog ended by ACK and BYE. "" for all others.
    """

    sdp: bytes | None
    role: str
    change: str
    fault: str
    why: str
    remedy: str = ""
    refuse_with: int = 0


class RelayCall:
    """The relay of one call. It may be used from any control node, also after the one before has died."""

    def __init__(self, call_id: str, directory: Directory, nodes: NodeTable, journal: Journal) -> None:
        self.call_id = call_id
        self._directory, self._nodes, self._journal = directory, nodes, journal

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

    async def engage(self, engine: str, set: str = "default", *, branch: int | None = None) -> None:  # noqa: A002
        """Engage an engine and node set, for all branches or one. Raises LateEngage once the call is answered."""
        name = ALL_BRANCHES if branch is None else branch_name(branch)
        await self._conduct(flows.engage(engine, set, name))

    # -- what the SIP stack saw --

    async def see(self, event: SipMessage, *, received_from: str = "") -> Observed:
        """Report a SIP message, and return what is to stand in it.

        The initial INVITE is told of once for each branch that goes out, with the branch's name (`branch_name(0)`).
        Raises RelayError if its offer or answer could not be relayed. A message with the fault FOREIGN is of another
        caller's call, which has the same Call-ID, and changes nothing of this one (RelaySystem.call).
        """
        seen = ObservedSipMessage(
            call_id=self.call_id, event=event, received_from=received_from, at=self._directory.now()
        )
        serial_key = None if event.method == "BYE" else event.branch
        return _seeing(await self._conduct(see(seen, self._nodes), serial_key))

    # -- offers and answers by hand --

    async def offer(
        self, sdp: bytes | str, *, from_tag: str, to_tag: str = "", leg: str = CALLER, branch: int = 0, source: str = ""
    ) -> bytes:
        """Relay an offer that `leg` made, and give the SDP for the other side."""
        return await self._relay("offer", sdp, from_tag=from_tag, to_tag=to_tag, leg=leg, branch=branch, source=source)

    async def answer(
        self, sdp: bytes | str, *, from_tag: str, to_tag: str, leg: str = CALLEE, branch: int = 0, source: str = ""
    ) -> bytes:
        """Relay an answer that `leg` made. `from_tag` is the tag of who made the offer, `to_tag` the answerer's."""
        return await self._relay("answer", sdp, from_tag=from_tag, to_tag=to_tag, leg=leg, branch=branch, source=source)

    async def establish(self, branch: int, *, from_tag: str, to_tag: str) -> None:
        """Establish a branch, which was answered for good: all others are torn down at once."""
        await self._conduct(flows.establish(branch_name(branch), from_tag, to_tag, self._directory.now()))

    async def fail_branch(self, branch: int, *, from_tag: str, reason: str = "the branch failed") -> None:
        """Tear one branch down, if `from_tag` is a party's. The call goes on: another branch may yet be made."""
        command = flows.branch_delete(self.call_id, from_tag, branch_name(branch), reason, self._directory.now())
        await self._conduct(delete_of_party(command, from_tag))

    async def delete(self, *, from_tag: str = "", to_tag: str = "", reason: str = "the call ended") -> NgDict:
        """End the call's relay; gives the node's statistics as ng has them.

        Deleting an ended call does nothing, nor does naming a `from_tag` that is none of its parties'.
        """
        command = flows.call_delete(self.call_id, from_tag, to_tag, reason, self._directory.now())
        flow = delete_of_party(command, from_tag) if from_tag else delete(command)
        return whole(await self._conduct(flow, None))

    # -- copies --

    async def copy_offer(
        self,
        name: str,
        *,
        legs: tuple[CopiedLeg, ...] = (),
        streams: tuple[int, ...] = (),
        siprec: bool = False,
        inactive: bool = False,
    ) -> bytes:
        """Begin a copy of the call's media under a name of yours, and give the SDP to offer to the recorder.

        legs: whose media ("caller", "callee"), both if empty. streams: numbers of m= lines from 1, all if empty.
        siprec: label the streams as RFC 7866 wants it. inactive: begin paused. The same name again changes that copy,
        or ends it if the change fails. An rtpproxy copies or records a stream once at a time: another is Refused.
        """
        wish = CopyIntent(name, legs, streams, siprec, inactive)
        sdp = (await self._conduct(copies.copy_offer(wish))).get(b"sdp")
        return sdp if isinstance(sdp, bytes) else b""

    async def copy_answer(self, name: str, sdp: bytes) -> None:
        """Return the recorder's answer: media flow to it until the copy or the call ends."""
        await self._conduct(copies.copy_answer(name, sdp))

    async def copy_delete(self, name: str, *, reason: str = "asked for") -> None:
        """End a copy. Copies end with the call by themselves."""
        await self._conduct(copies.copy_delete(name, reason))

    # -- reading --

    async def history(self) -> list[Recorded]:
        """Return the call's events, oldest first."""
        return await self._journal.read(self.call_id)

    async def state(self, version: int | None = None) -> CallState:
        """Return the call's state, now or at a version."""
        records = await self.history()
        return fold(self.call_id, records if version is None else records[:version])

    async def _settings(self) -> RelaySettings:
        return (await self.state()).relay or RelaySettings()

    def _variables(self, leg: str, branch: Branch) -> LegVariables:
        if leg not in (CALLER, CALLEE):
            raise BadValue(f"leg {leg!r}: there are {CALLER} and {CALLEE}")
        return LegVariables(leg, branch, self._set_leg, self._settings)

    async def _set_leg(self, leg: str, branch: str, values: Mapping[str, str], body: bytes | None) -> None:
        await self._conduct(flows.set_variables(leg, branch, values, body))

    async def _set_context(self, values: Mapping[str, str]) -> None:
        await self._conduct(flows.set_context(values))

    async def _relay(
        self,
        verb: Literal["offer", "answer"],
        sdp: bytes | str,
        *,
        from_tag: str,
        to_tag: str,
        leg: str,
        branch: int,
        source: str,
    ) -> bytes:
        body = sdp.encode() if isinstance(sdp, str) else sdp
        media = RelayedSdp(
            verb=verb,
            call_id=self.call_id,
            leg=leg,
            branch=branch_name(branch),
            from_tag=from_tag,
            to_tag=to_tag,
            sdp=body,
            received_from=source,
            at=self._directory.now(),
        )
        relayed = (await self._conduct(flows.relay_media(media, self._nodes), media.branch))[b"sdp"]
        assert isinstance(relayed, bytes), "what goes well has an SDP"
        return relayed

    async def _conduct(self, flow: Flow, serial_key: str | None = "") -> NgDict:
        """Run a flow in the call's actor and give its reply. Raises the error that a refusal stands for."""
        return check(await self._directory.ask(self.call_id, flow, serial_key))


def _other(leg: str) -> str:
    return CALLEE if leg == CALLER else CALLER


def _seeing(reply: NgDict) -> Observed:
    said, sdp = reply[VERDICT], reply.get(b"sdp")
    assert isinstance(said, dict)
    words = {key.decode(): value.decode() for key, value in said.items() if isinstance(value, bytes)}
    remedy, status = reply.get(REMEDY), reply.get(REFUSE_WITH)
    return Observed(
        sdp=sdp if isinstance(sdp, bytes) else None,
        role=words["role"],
        change=words["change"],
        fault=words.get("fault", ""),
        why=words["why"],
        remedy=remedy.decode() if isinstance(remedy, bytes) else "",
        refuse_with=status if isinstance(status, int) else 0,
    )
