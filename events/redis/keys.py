"""Where things are: partitions and the names of keys.

All keys of a partition begin with `<prefix>:{<partition>}:`, its base. The braces are Redis Cluster's hash tag: keys
with the same one are on the same server, so that one script may use them together. After the base come

    s:<call-id>   the call's stream: t the event type, p the payload, a (in an append's first entry) the append's mark
    snap:<call-id>  hash with a snapshot of the call: v its version, p the rest (events/snapshot_codec.py)
    key:<call-id>  hash with the data keys of the call: id, sealed key (events/call_keys.py)
    live          hash of live calls: call-id, row
    on:<node>     set of the live calls that have a session on a node
    on:<NUL><id>  set of the live calls that have a session under this id, which could be another call's name
    nodes         set of the nodes that have calls, or had some until they were counted
    due           sorted set: call-id by the time at which it wants attention, ms since the epoch
    ended         hash of ended calls, for as long as their streams are kept: call-id, row
    changes       stream of calls that were appended to, while somebody follows all: c the call-id, v the version before
    ended-at      sorted set: their call-ids by the time at which they ended, ms since the epoch
    ended-until   sorted set: their call-ids by the time up to which they are kept, ms since the epoch
    again         written for a second, so that there is something of which the durability can be waited for
    doctor        written for ten seconds, to see whether it can be (events/redis/write_trial.py)

Beside them are `<prefix>:journal`, which says what this journal is, and `<prefix>:{control}:...` with the control
nodes' statuses and, as `s:<name>`, the streams of decisions, with what sums up the oldest of each in `snap:<name>`, as
a call's snapshot is kept; those that want attention are in its `due`. As `out:<name>` it has the outboxes
(events/outbox.py), which are streams, too, and run out when nothing is put in (post.lua).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from redis.crc import key_slot

from events.codec import ERRORS
from events.journal import PARTITIONS


class Partition:
    """A partition: the names of its keys and the cluster's slot that they are in."""

    __slots__ = ("again", "base", "changes", "due", "ended", "ended_at", "ended_until", "live", "slot")

    def __init__(self, prefix: bytes, number: bytes) -> None:
        self.base = b"%s:{%b}:" % (prefix, number)
        self.live = self.base + b"live"
        self.due = self.base + b"due"
        self.ended = self.base + b"ended"
        self.ended_at = self.base + b"ended-at"
        self.ended_until = self.base + b"ended-until"
        self.changes = self.base + b"changes"
        self.again = self.base + b"again"
        self.slot = key_slot(self.base)

    def stream(self, call: bytes) -> bytes:
        """Return the key of a call's stream."""
        return self.base + b"s:" + call

    def snapshot(self, call: bytes) -> bytes:
        """Return the key of a call's snapshot."""
        return self.base + b"snap:" + call

    def keys(self, call: bytes) -> bytes:
        """Return the key of a call's data keys."""
        return self.base + b"key:" + call

    def on(self, node: bytes) -> bytes:
        """Return the key of the set of a node's calls."""
        return self.base + b"on:" + node


class Keys:
    """All names of a journal under a prefix."""

    def __init__(self, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise ValueError(f"a journal's prefix is a text without braces, not {prefix!r}")
        name = prefix.encode()
        self.journal = name + b":journal"
        self.decisions = Partition(name, b"control")
        self.control = self.decisions.base
        self.streams = b"%s:{*}:s:*" % re.sub(rb"([][*?^\\-])", rb"\\\1", name)
        self.outboxes = self.control + b"out:"
        self.sets_and_outboxes = b"%s:{*}:o[nu]*:*" % re.sub(rb"([][*?^\\-])", rb"\\\1", name)
        self._of_set = re.compile(rb"%s:\{([0-9]+)\}:on:(.*)" % re.escape(name), re.DOTALL)
        self._of_stream = re.compile(rb"%s:\{[0-9]+\}:s:(.*)" % re.escape(name), re.DOTALL)
        self.partitions: Sequence[Partition] = [Partition(name, b"%d" % number) for number in range(PARTITIONS)]

    def call_of(self, key: bytes) -> bytes | None:
        """Return the call whose stream a key is; None for one that is none (`streams` is a pattern of them all)."""
        found = self._of_stream.fullmatch(key)
        return found[1] if found else None

    def set_of(self, key: bytes) -> tuple[Partition, bytes] | None:
        """Return the partition and the name of a set of calls; None for a key that is none."""
        found = self._of_set.fullmatch(key)
        return (self.partitions[int(found[1])], found[2]) if found and int(found[1]) < PARTITIONS else None

    def partition(self, call: bytes) -> Partition:
        """Return a call's partition: the same for ever, so CRC-32 modulo the number of partitions."""
        return self.partitions[zlib.crc32(call) % PARTITIONS]


def to_bytes(text: str) -> bytes:
    """Return the bytes of a call-id or a name, whatever they were before they became text."""
    try:
        return text.encode()  # as nearly all are: compiled, a third of what naming the errors takes
    except UnicodeEncodeError:
        return text.encode(errors=ERRORS)


def to_text(raw: bytes) -> str:
    """Undo `to_bytes`."""
    return raw.decode(errors=ERRORS)
