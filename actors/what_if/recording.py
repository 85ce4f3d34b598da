"""What a call's relays were asked for it, and what they gave: taken out of its stream, to be asked of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from actors.commands.relay import RelaySdp
from engines.sdp.stand_in_keys import with_stand_in_keys
from events import registry as e
from events.names import CALLEE, CALLER, NO_BRANCH, BranchId, CallId, Leg, Tag
from events.records import Recorded
from events.values import value
from events.verb import ANSWER, OFFER, SdpVerb
from replay.fold import Inconsistent, apply
from replay.history.redact import REMOVED
from replay.relay_settings import RelaySettings
from replay.state import CallState


@value(kw_only=True)
class Said:
    """An offer or answer of a session. relayed: what its node gave, b"" where it failed, for `failure`.

    settings: those that were in force, None where a client of the ng protocol asked, whose words are not in the
    journal. engine: the kind of its node.
    """

    version: int
    session: int
    engine: str
    media: RelaySdp
    relayed: bytes = b""
    failure: str = ""
    settings: RelaySettings | None = None


@value(kw_only=True)
class Removed:
    """The removal of a session, or of what the tags and the branch name in it (`whole` is False)."""

    version: int
    session: int
    whole: bool = True
    from_tag: Tag = Tag("")
    to_tag: Tag = Tag("")
    branch: BranchId = NO_BRANCH


Step: TypeAlias = Said | Removed


@value
class Recording:
    """The steps of a call. untold: how many were left out, since the journal does not have what was asked."""

    call_id: CallId
    steps: tuple[Step, ...]
    untold: int


@dataclass(slots=True)
class _Intent:
    """An operation on its way: the settings in force then, and the SIP message that brought it."""

    event: e.SessionIntended | e.OfferIntended | e.AnswerIntended
    settings: RelaySettings | None
    message: e.SipMessageSeen | None


@dataclass(slots=True)
class _Reader:
    state: CallState
    steps: list[Step] = field(default_factory=list)
    untold: int = 0
    intents: dict[tuple[int, int], _Intent] = field(default_factory=dict)
    strange: set[int] = field(default_factory=set)
    message: e.SipMessageSeen | None = None
    first_tag: Tag = Tag("")

    def read(self, version: int, event: e.Event) -> None:
        """Read an event, which the state does not have yet."""
        match event:
            case e.SipMessageSeen():
                self.message = event
            case e.SessionIntended() | e.OfferIntended() | e.AnswerIntended():
                self._intended(event)
            case e.Offered() | e.Answered():
                self._taken(version, event)
            case e.OfferFailed() | e.AnswerFailed():
                self._failed(version, event)
            case e.DeleteIntended():
                self._removed(version, event)

    def _intended(self, event: e.SessionIntended | e.OfferIntended | e.AnswerIntended) -> None:
        self.first_tag = self.first_tag or event.from_tag
        self.intents[event.session, event.operation] = _Intent(event, self._settings(), self.message)
        if isinstance(event, e.SessionIntended | e.OfferIntended) and event.verb != OFFER:
            self.untold += 1
            self.strange |= {event.session} if isinstance(event, e.SessionIntended) else set()

    def _taken(self, version: int, event: e.Offered | e.Answered) -> None:
        intent = self.intents.pop((event.session, event.operation), None)
        if event.session in self.strange:
            return
        verb: SdpVerb = OFFER if isinstance(event, e.Offered) else ANSWER
        settings = intent.settings if intent else self._settings()
        media = self._media(verb, event, event.sdp, settings, intent.message if intent else self.message)
        before = self.steps[-1] if self.steps else None
        if isinstance(before, Said) and before.failure and _same(before.media, media):
            self.steps.pop()  # another node did not take it: what the call came to counts
        self.steps.append(
            Said(
                version=version,
                session=event.session,
                engine=self._engine(event.session),
                media=media,
                relayed=event.relayed,
                settings=settings,
            )
        )

    def _failed(self, version: int, event: e.OfferFailed | e.AnswerFailed) -> None:
        """Take a refusal; of an operation that had no reply there is nothing to compare with."""
        intent = self.intents.pop((event.session, event.operation), None)
        if intent is None or not (event.reached and event.settled) or event.session in self.strange:
            return
        message = intent.message
        if message is None or not message.sdp or intent.settings is None:
            self.untold += 1
            return
        verb: SdpVerb = OFFER if isinstance(event, e.OfferFailed) else ANSWER
        media = self._media(verb, intent.event, message.sdp, intent.settings, message)
        self.steps.append(
            Said(
                version=version,
                session=event.session,
                engine=self._engine(event.session),
                media=media,
                failure=event.reason,
                settings=intent.settings,
            )
        )

    def _removed(self, version: int, event: e.DeleteIntended) -> None:
        for session in event.sessions:
            if session not in self.strange:
                removed = Removed(
                    version=version,
                    session=session,
                    whole=event.scope is not e.Scope.BRANCH,
                    from_tag=event.from_tag,
                    to_tag=event.to_tag,
                    branch=event.branch,
                )
                self.steps.append(removed)

    def _media(
        self,
        verb: SdpVerb,
        event: e.Offered | e.Answered | e.SessionIntended | e.OfferIntended | e.AnswerIntended,
        sdp: bytes,
        settings: RelaySettings | None,
        message: e.SipMessageSeen | None,
    ) -> RelaySdp:
        brought = message if message is not None and message.sdp == sdp else None
        sender = event.from_tag if verb is OFFER else event.to_tag
        return RelaySdp(
            call_id=self.state.call_id,
            verb=verb,
            leg=self._leg(sender, settings, brought),
            branch=event.branch,
            from_tag=event.from_tag,
            to_tag=event.to_tag,
            sdp=with_stand_in_keys(sdp, REMOVED.encode()),
            received_from=brought.source if brought else "",
            cseq=brought.cseq if brought else 0,
        )

    def _leg(self, sender: Tag, settings: RelaySettings | None, message: e.SipMessageSeen | None) -> Leg:
        if message is not None:
            return CALLER if message.from_caller else CALLEE
        if settings is not None and settings.tags:
            return CALLEE if sender in settings.tags else CALLER
        return CALLER if sender == self.first_tag else CALLEE

    def _engine(self, session: int) -> str:
        return self.state.sessions[session].engine

    def _settings(self) -> RelaySettings | None:
        return self.state.relay.copy() if self.state.relay is not None else None


def recording_of(call_id: CallId, records: Iterable[Recorded]) -> Recording:
    """Return what was asked for a call, in its order. Raises Inconsistent for a history that makes no sense."""
    reader = _Reader(CallState(call_id))
    for record in records:
        try:
            for event in record.events:
                reader.read(record.version, event)
            apply(reader.state, record)
        except Exception as error:
            raise Inconsistent(record.version, f"{record.event.name} makes no sense there: {error!r}") from error
    return Recording(call_id, tuple(reader.steps), reader.untold)


def _same(one: RelaySdp, other: RelaySdp) -> bool:
    return (one.verb, one.from_tag, one.branch, one.sdp) == (other.verb, other.from_tag, other.branch, other.sdp)
