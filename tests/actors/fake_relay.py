"""Fake relays that keep sessions by id as real ones do, and can be made to misbehave; here, an rtpengine.

What it copies was seen on rtpengine 10.5: an offer makes the call if it is not there; an answer to an unknown call is
an error; deleting an unknown call is ok with a warning; a delete with tags takes away the party that it names and all
who are then tied to nobody, and with the last party the call; a repeated cookie gets the first reply again and runs
nothing. A subscription is known by its to-tag: a request for one that is there changes it, to end one that is not there
is ok.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from actors.engine_actor import OpenWay
from actors.transports import Complaint, Taker
from engines.ng.bencode import NgDict, NgValue, decode, encode
from events.names import CallId
from tests.named_sdp import relayed

Text = bytes


@dataclass
class Party:
    """A tag of a call, or a branch that has not answered and so has none: who it is tied to."""

    branch: Text
    ties: set[int] = field(default_factory=set)


class FakeCall:
    """The parties of one call; a party is known by number, a tag names one."""

    def __init__(self) -> None:
        self.parties: dict[int, Party] = {}
        self.tags: dict[Text, int] = {}
        self.subscriptions: dict[Text, Text] = {}
        self.recorded = False
        self._last = 0

    def offer(self, from_tag: Text, to_tag: Text, branch: Text) -> None:
        me = self._of_tag(from_tag, b"")
        known = [n for n in self.parties[me].ties if branch and self.parties[n].branch == branch]
        if to_tag:
            self._tie(me, self._of_tag(to_tag, b""))
        elif not known and not (not branch and self.parties[me].ties):
            self._tie(me, self._new(branch))

    def answer(self, from_tag: Text, to_tag: Text, branch: Text) -> None:
        me = self._of_tag(from_tag, b"")
        if to_tag not in self.tags:
            of_branch = [n for n in self.parties[me].ties if branch and self.parties[n].branch == branch]
            unnamed = [n for n in self.parties[me].ties if n not in self.tags.values()]
            place = next(iter(of_branch + unnamed), None)
            self.tags = {tag: n for tag, n in self.tags.items() if n != place}
            self.tags[to_tag] = self._new(branch) if place is None else place
        self._tie(me, self.tags[to_tag])

    def delete(self, tag: Text, branch: Text, *, by_branch: bool) -> bool:
        """Take a party away; tell whether it was there."""
        of_branch = [n for n, party in self.parties.items() if branch and party.branch == branch]
        if by_branch and of_branch:
            self._remove(of_branch[0])
        elif tag in self.tags:
            self._remove(self.tags[tag])
        elif of_branch:
            self._remove(of_branch[0])
        else:
            return False
        return True

    def subscribe(self, verb: Text, request: NgDict) -> NgDict:
        """Do a step of a subscription; it keeps the SDP of its answer."""
        to_tag, sdp = text_of(request, b"to-tag"), text_of(request, b"sdp")
        if verb == b"subscribe request":
            to_tag = to_tag or b"made-up"
            self.subscriptions[to_tag] = b""
            return {b"result": b"ok", b"to-tag": to_tag, **self._offered(request)}
        if verb == b"subscribe answer" and to_tag not in self.subscriptions:
            return {b"result": b"error", b"error-reason": b"To-tag not found"}
        if verb == b"subscribe answer":
            self.subscriptions[to_tag] = sdp
        else:
            self.subscriptions.pop(to_tag, None)
        return {b"result": b"ok"}

    def _offered(self, request: NgDict) -> NgDict:
        """Return what a recorder is to be offered of those who are named, or of all in the order in which they came."""
        named = request.get(b"from-tags", [request[b"from-tag"]] if b"from-tag" in request else [])
        assert isinstance(named, list)
        tags = [tag for tag in named if isinstance(tag, bytes)] or sorted(self.tags, key=self.tags.__getitem__)
        medias: list[NgValue] = [
            {b"tag": tag, b"medias": [{b"index": 1, b"label": b"%d" % n}]} for n, tag in enumerate(tags)
        ]
        streams = b"".join(b"m=audio %d RTP/AVP 0\r\na=label:%d\r\n" % (30000 + 2 * n, n) for n in range(len(tags)))
        session = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        return {b"sdp": session + streams, b"tag-medias": medias}

    def described(self) -> NgDict:
        """Return what a query tells of the parties, in the order in which they came."""
        names = {number: tag for tag, number in self.tags.items()}
        return {
            names.get(number, b"<untagged %d>" % number): {
                b"tag": names.get(number, b""),
                b"subscriptions": [{b"tag": names.get(n, b""), b"type": b"offer/answer"} for n in sorted(party.ties)],
                **({b"via-branch": party.branch} if party.branch else {}),
            }
            for number, party in sorted(self.parties.items())
        }

    def _of_tag(self, tag: Text, branch: Text) -> int:
        if tag not in self.tags:
            self.tags[tag] = self._new(branch)
        return self.tags[tag]

    def _new(self, branch: Text) -> int:
        self._last += 1
        self.parties[self._last] = Party(branch)
        return self._last

    def _tie(self, one: int, other: int) -> None:
        self.parties[one].ties.add(other)
        self.parties[other].ties.add(one)

    def _remove(self, number: int) -> None:
        party = self.parties.pop(number, None)
        if party is None:
            return
        self.tags = {tag: n for tag, n in self.tags.items() if n != number}
        for peer in party.ties:
            if peer in self.parties:
                self.parties[peer].ties.discard(number)
                if not self.parties[peer].ties:
                    self._remove(peer)


class FakeNode:
    """One node, whatever it speaks. The attributes from `silent` on are the ways to make it misbehave."""

    def __init__(self) -> None:
        self._cache: dict[bytes, bytes] = {}
        self.address = b"198.51.100.1"
        self.silent = False
        self.full = False
        self.lose_requests = 0
        self.lose_replies = 0
        self.delay = 0.001

    def held(self) -> set[str]:
        """Return the ids of the sessions that it holds."""
        raise NotImplementedError

    def restart(self) -> None:
        """Lose all calls, as a relay without persistence does."""
        self._cache.clear()

    def run(self, cookie: bytes, command: bytes) -> bytes:
        """Run a command unless its cookie was seen, and give the reply."""
        if cookie not in self._cache:
            self._cache[cookie] = self._reply(command)
        return self._cache[cookie]

    def _reply(self, command: bytes) -> bytes:
        raise NotImplementedError


class FakeRelay(FakeNode):
    """An rtpengine. `statistics` are told in reply to queries, and to deletes that name a party."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, FakeCall] = {}
        self.commands: list[NgDict] = []
        self.flowing = False
        self.no_recordings = False
        self.packets = 0
        self.statistics: NgDict = {}
        self._sdp_number = 0

    def held(self) -> set[str]:
        return set(self.calls)

    def restart(self) -> None:
        super().restart()
        self.calls.clear()

    def _reply(self, command: bytes) -> bytes:
        request = decode(command)
        assert isinstance(request, dict)
        self.commands.append(request)
        return encode(self._answer(request))

    def _answer(self, request: NgDict) -> NgDict:  # noqa: PLR0911 - one for each command
        verb = text_of(request, b"command")
        if verb == b"ping":
            return {b"result": b"pong"}
        call_id = text_of(request, b"call-id").decode()
        call = self.calls.get(call_id)
        if verb == b"delete":
            return self._delete(CallId(call_id), call, request)
        if verb == b"offer" and self.full:
            return {b"result": b"error", b"error-reason": b"Parallel session limit reached"}
        if verb == b"offer":
            call = self.calls.setdefault(call_id, FakeCall())
        if call is None:
            return {b"result": b"error", b"error-reason": b"Unknown call-id"}
        if verb in (b"offer", b"answer"):
            tags = (text_of(request, b"from-tag"), text_of(request, b"to-tag"), text_of(request, b"via-branch"))
            (call.offer if verb == b"offer" else call.answer)(*tags)
            self._sdp_number += 1
            return {b"result": b"ok", b"sdp": relayed(text_of(request, b"sdp"), self._sdp_number, self.address)}
        if verb == b"query":
            self.packets += 50 * self.flowing
            return {
                b"result": b"ok",
                b"tags": call.described(),
                b"totals": {b"RTP": {b"packets": self.packets}},
                **self.statistics,
            }
        if verb in (b"subscribe request", b"subscribe answer", b"unsubscribe"):
            return call.subscribe(verb, request)
        return self._record(call, verb) if verb.endswith(b" recording") else {b"result": b"ok"}

    def _record(self, call: FakeCall, verb: Text) -> NgDict:
        if self.no_recordings:
            return {b"result": b"error", b"error-reason": b"No recording method"}
        call.recorded = verb == b"start recording"
        return {b"result": b"ok"}

    def _delete(self, call_id: CallId, call: FakeCall | None, request: NgDict) -> NgDict:
        from_tag, to_tag, branch = (text_of(request, key) for key in (b"from-tag", b"to-tag", b"via-branch"))
        flags = request.get(b"flags")
        to_tag = to_tag if isinstance(flags, list) and b"to-tag" in flags else b""
        if call is not None and not from_tag:
            call.parties.clear()
        elif call is None or not call.delete(to_tag or from_tag, branch, by_branch=not to_tag):
            return {b"result": b"ok", b"warning": b"Call-ID not found or tags didn't match"}
        if not call.parties:
            del self.calls[call_id]
        told = self.statistics if from_tag else {}
        return {b"result": b"ok", b"totals": {b"RTP": {b"packets": 7, b"bytes": 1120}}, **told}


class FakeTransport:
    """The way from one control node to a fake relay. `alive` tells whether that control node is."""

    repeats = True

    def __init__(
        self, relay: FakeNode, take: Taker, alive: Callable[[], bool], reached: Callable[[], bool] = lambda: True
    ) -> None:
        self._relay, self._take, self._alive, self._reached = relay, take, alive, reached

    def send(self, cookie: bytes, command: bytes) -> None:
        if not self._alive():
            return
        relay = self._relay
        if not self._reached():
            return
        if relay.lose_requests > 0:
            relay.lose_requests -= 1
        else:
            asyncio.get_running_loop().call_later(relay.delay, self._arrive, cookie, command)

    def close(self) -> None:
        """There is nothing to close."""

    def _arrive(self, cookie: bytes, command: bytes) -> None:
        relay = self._relay
        if relay.silent:
            return
        reply = relay.run(cookie, command)
        if relay.lose_replies > 0:
            relay.lose_replies -= 1
        else:
            asyncio.get_running_loop().call_later(relay.delay, self._return, cookie, reply)

    def _return(self, cookie: bytes, reply: bytes) -> None:
        if self._alive() and self._reached():
            self._take(cookie, reply)


def opener(
    relays: Mapping[str, FakeNode], alive: Callable[[], bool], unreachable: Container[str] = frozenset()
) -> OpenWay:
    """Return what an EngineActor opens its transport with: the url names the relay. `unreachable` may change."""

    async def open_way(url: str, take: Taker, complain: Complaint) -> FakeTransport:  # noqa: ARG001
        return FakeTransport(relays[url], take, alive, lambda: url not in unreachable)

    return open_way


def text_of(request: NgDict, key: bytes) -> bytes:
    """Return what a request has under a key; nothing if it has not."""
    value = request.get(key, b"")
    assert isinstance(value, bytes)
    return value
