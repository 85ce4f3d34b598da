"""A party's media, as its peer is told of them: plain RTP, or with ICE (RFC 8445) and DTLS-SRTP (RFC 5764)."""

from __future__ import annotations

import re

from tests.peers.bencode import NgValue
from tests.peers.ng_client import NgClient
from tests.peers.rtp import media_address
from tests.peers.ua import UserAgent

Keys = dict[str, NgValue | str]

DTLS = "UDP/TLS/RTP/SAVPF"
PLAIN = "RTP/AVP"
_INSIDE, _OUTSIDE = "inside", "outside"
_TLS_ID = re.compile(r"(?m)^a=tls-id:.*\r\n")


class PlainParty:
    """The media of a user agent as they are; it talks to where its peer says."""

    def __init__(self, agent: UserAgent) -> None:
        self.agent = agent

    async def offer(self) -> str:
        """Return an offer."""
        return self.agent.sdp()

    async def take(self, answer: bytes) -> None:
        """Take the answer to an offer."""
        self.agent.media.talk_to(media_address(answer))

    async def answer(self, offer: bytes) -> str:
        """Take an offer, and return the answer."""
        self.agent.media.talk_to(media_address(offer))
        return self.agent.sdp()


class WebParty(PlainParty):
    """A user agent behind an rtpengine that is its end of ICE and DTLS, and is told of each offer and answer.

    As browsers do, it says no `tls-id` (RFC 8842): one of an rtpengine 12.5 changes with each of its peer's.

    edge: a client of that rtpengine. profile: of what its peer gets; without DTLS it is ICE alone.
    """

    def __init__(self, agent: UserAgent, edge: NgClient, profile: str = DTLS) -> None:
        super().__init__(agent)
        self._edge, self._profile = edge, profile
        self._call_id = f"{agent.name} at {agent.media.address[1]}"

    async def offer(self) -> str:
        keys: Keys = {"ICE": "force", "transport_protocol": self._profile, "rtcp_mux": [b"offer"]}
        return await self._relayed("offer", _INSIDE, self.agent.sdp(), keys)

    async def take(self, answer: bytes) -> None:
        await super().take((await self._relayed("answer", _INSIDE, answer.decode(), {"to_tag": _OUTSIDE})).encode())

    async def answer(self, offer: bytes) -> str:
        keys: Keys = {"ICE": "remove", "transport_protocol": PLAIN, "rtcp_mux": [b"demux"]}
        plain = await self._relayed("offer", _OUTSIDE, offer.decode(), keys)
        return await self._relayed("answer", _OUTSIDE, await super().answer(plain.encode()), {"to_tag": _INSIDE})

    async def _relayed(self, command: str, tag: str, sdp: str, keys: Keys) -> str:
        always: Keys = {"replace": [b"SDP version"]}
        reply = await self._edge.command(command, call_id=self._call_id, from_tag=tag, sdp=sdp, **always, **keys)
        relayed = reply.get(b"sdp")
        assert isinstance(relayed, bytes), reply
        return _TLS_ID.sub("", relayed.decode())
