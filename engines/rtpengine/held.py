"""What an rtpengine's reply to `query` tells of a call: its parties, and who talks to whom (seen on 10.5.3).

`tags` has the parties, those that came first before the others. Each names the tags that it is tied to, under
`subscriptions` and `subscribers` with the type "offer/answer", or under `in dialogue with` where a release knows one
only. Who was offered something and has not answered is there without a tag. The `via-branch` is that of the answerer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engines.held import HeldDialog, HeldSession
from engines.ng.bencode import BencodeError
from engines.reply import NodeReply
from events.names import NO_TAG, BranchId, Tag

MAX_PARTIES = 64
"""A call with more parties than that is not taken over."""

MAX_NAME = 1024
"""The longest tag or branch, in bytes; as the ng door takes them."""

_DIALOGUE = b"offer/answer"
_MS = 1000


def held(reply: NodeReply) -> HeldSession | None:
    """Return the session that a reply to `query` tells of; None if it tells of none, or makes no sense."""
    try:
        told = reply.everything() if reply.ok and not reply.unknown else {}
    except BencodeError:  # only the end of such a reply is read at first
        return None
    parties = told.get(b"tags")
    if not isinstance(parties, dict) or not 0 < len(parties) <= MAX_PARTIES:
        return None
    dialogs = tuple(_dialogs(list(parties.values())))
    if not dialogs:
        return None
    return HeldSession(dialogs, _time(told.get(b"created")), _time(told.get(b"last signal")))


def _dialogs(parties: list[Any]) -> Iterator[HeldDialog]:
    """Return each pair of parties that talk to each other once, and the offers that nobody has answered."""
    known = [party for party in parties if isinstance(party, dict) and (_name(party, b"tag") or not party.get(b"tag"))]
    places = {tag: place for place, party in reversed(list(enumerate(known))) if (tag := _name(party, b"tag"))}
    pairs: dict[tuple[int, int], None] = {}
    for place, party in enumerate(known):
        for tag in _tied_to(party):
            other = places.get(tag)
            if other is not None and other != place:
                pairs.setdefault((min(place, other), max(place, other)))
    for one, other in pairs:
        dialog = _dialog(known[one], known[other])
        if dialog is not None:
            yield dialog


def _dialog(one: Mapping[bytes, Any], other: Mapping[bytes, Any]) -> HeldDialog | None:
    """Return the dialog of two parties, of whom `one` came first: who has the branch, or no tag, was offered to."""
    if not _name(one, b"tag") or (_name(one, b"via-branch") and not _name(other, b"via-branch")):
        one, other = other, one
    from_tag = _name(one, b"tag")
    if not from_tag:
        return None
    return HeldDialog(Tag(from_tag), Tag(_name(other, b"tag") or NO_TAG), BranchId(_name(other, b"via-branch")))


def _tied_to(party: Mapping[bytes, Any]) -> Iterator[str]:
    """Return the tags that a party talks to."""
    for key in (b"subscriptions", b"subscribers"):
        ties = party.get(key)
        for tie in ties if isinstance(ties, list) else ():
            if isinstance(tie, dict) and tie.get(b"type", _DIALOGUE) == _DIALOGUE:
                yield _name(tie, b"tag")
    yield _name(party, b"in dialogue with")


def _name(said: Mapping[bytes, Any], key: bytes) -> str:
    """Return a tag or branch; "" where there is none, or one that no client of ours could name."""
    name = said.get(key)
    if not isinstance(name, bytes) or len(name) > MAX_NAME:
        return ""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _time(seconds: Any) -> int:
    return seconds * _MS if isinstance(seconds, int) and 0 < seconds < 2**40 else 0
