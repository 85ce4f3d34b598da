"""What a node is asked, in the ng protocol's words, for those who pass it on and need not know the words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engines.ng.bencode import NgDict, NgValue, decode, encode
from events.names import BranchId, Tag
from events.values import value
from events.verb import Verb

HANDLE = b"rtp-relay-handle"
"""The key, of ours, of a reply in which a node says what it calls the session (the route engine's `node`).

Later requests about the session have it, too.
"""

_OTHER_CALLS = (b"to-call-id", b"source-call-id")
"""Keys of commands that join two calls, which then have to be on one node (ng protocol: connect, inject)."""

_NARROWING = frozenset({b"to-tag", b"via-branch", b"delete-delay"})
"""What makes a delete take less, or later."""

_CALLS = b"calls"
"""The key of the calls that `mesh` joins."""


@value
class NodeRequest:
    """What a node is to be asked about a session. `words` are for the relay kinds and the ng door alone."""

    words: NgDict

    @classmethod
    def of(cls, kept: bytes) -> NodeRequest:
        """Return the request that was kept as these bytes."""
        words = decode(kept)
        return cls(words if isinstance(words, dict) else {})

    def kept(self) -> bytes:
        """Return it as bytes, to be asked once more."""
        return encode(self.words)

    @property
    def sdp(self) -> bytes:
        """The session description in it; empty if there is none."""
        sdp = self.words.get(b"sdp")
        return sdp if isinstance(sdp, bytes) else b""

    @property
    def names_party(self) -> bool:
        """Whether it says by whom, so that a delete may leave what is of others."""
        return b"from-tag" in self.words

    def with_handle(self, handle: str) -> NodeRequest:
        """Return it with what the node calls the session; "" where it has no name for it."""
        return NodeRequest({**self.words, HANDLE: _to_bytes(handle)}) if handle else self

    def of_party(self, tag: Tag) -> NodeRequest:
        """Return it with the tag of who asks, unless it has one; "" if that is not known."""
        return NodeRequest({b"from-tag": _to_bytes(tag), **self.words}) if tag else self

    def between(self, tag: Tag, other: Tag) -> NodeRequest:
        """Return it as about two parties, whoever it named."""
        return NodeRequest({**self.words, b"from-tag": _to_bytes(tag), b"to-tag": _to_bytes(other)})

    def merged(self, other: NodeRequest) -> NodeRequest:
        """Return it with what another one says beside it, or in place of it."""
        return NodeRequest({**self.words, **other.words})

    def naming_only_the_branch(self) -> NodeRequest:
        """Return the delete of a branch in words that may be said twice.

        rtpengine looks for the branch, and where that is gone already, for the from-tag: the caller's, so that the
        second delete of a branch ends the whole call (seen on 10.5.3). A from-tag that nobody can have makes it
        harmless.
        """
        return NodeRequest({**self.words, b"from-tag": b"#"})

    def taking_all(self, tag: Tag) -> NodeRequest:
        """Return the delete in words that take the session whole and at once, and are answered with its statistics.

        tag: that of a party to whom all others are tied, as whom it names then. rtpengine would leave the session for
        30 s to who says nothing of a delay (seen on 10.5.3).
        """
        words = {key: value for key, value in self.words.items() if key not in _NARROWING}
        return NodeRequest({**words, b"from-tag": _to_bytes(tag), b"delete delay": 0})

    def other_calls(self) -> Iterator[str]:
        """Yield the ids of other calls that are to be joined with the session's, as the client has them."""
        for call_id in (*(self.words.get(key) for key in _OTHER_CALLS), *_listed(self.words)):
            if isinstance(call_id, bytes):
                yield call_id.decode("utf-8", "surrogateescape")

    def with_other_calls(self, ids: Mapping[str, str]) -> NodeRequest:
        """Return it with the ids that other calls have on the node, by those that the client has for them."""
        if not ids:
            return self
        words = dict(self.words)
        for key in _OTHER_CALLS:
            if isinstance(words.get(key), bytes):
                words[key] = _there(words[key], ids)
        if isinstance(words.get(_CALLS), list):
            words[_CALLS] = [_there(call_id, ids) for call_id in _listed(words)]
        return NodeRequest(words)


def plain(verb: Verb) -> NodeRequest:
    """Return the request that says the verb and no more."""
    return NodeRequest({b"command": verb.encode()})


def delete_of_branch(from_tag: Tag, to_tag: Tag, branch: BranchId) -> NodeRequest:
    """Return the delete, at once, of what is named; it may be said twice."""
    named = ((b"from-tag", from_tag), (b"to-tag", to_tag), (b"via-branch", branch))
    words: NgDict = {b"command": b"delete", b"delete delay": 0}
    words |= {key: _to_bytes(value) for key, value in named if value}
    if to_tag:
        return NodeRequest({**words, b"flags": [b"to-tag"]})
    request = NodeRequest(words)
    return request.naming_only_the_branch() if branch else request


def _listed(words: NgDict) -> list[NgValue]:
    calls = words.get(_CALLS)
    return calls if isinstance(calls, list) else []


def _there(call_id: NgValue, ids: Mapping[str, str]) -> bytes:
    """Return the id of a call on the node; empty for what is no id."""
    return _to_bytes(ids[call_id.decode("utf-8", "surrogateescape")]) if isinstance(call_id, bytes) else b""


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
