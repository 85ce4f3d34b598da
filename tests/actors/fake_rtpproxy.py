"""A fake rtpproxy, which keeps sessions by id as a real one does, and can be made to misbehave.

What it copies was seen on rtpproxy 3: a session is a stream, found by the call-id and the tag of either party that a
command names; U makes one that is not there, L does not (`0`); D takes all streams of the call-id that one of its
tags made; where neither made one it finds nothing (E50). What a party sends on a stream goes to one copy at most: a
second C does nothing, N ends it.
"""

from __future__ import annotations

from events.names import NO_TAG
from tests.actors.fake_relay import FakeNode


class FakeRtpproxy(FakeNode):
    """The sessions by call-id: the tags (`tag;stream`) of the parties that made them, and their ports."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, dict[str, int]] = {}
        self.copies: dict[tuple[str, str], str] = {}
        self.recordings: set[str] = set()
        self.commands: list[str] = []
        self._port = 20000

    def held(self) -> set[str]:
        return set(self.sessions)

    def restart(self) -> None:
        super().restart()
        self.sessions.clear()
        self.copies.clear()

    def _reply(self, command: bytes) -> bytes:  # noqa: C901, PLR0911 - one for each command
        self.commands.append(command.decode())
        verb, *words = command.decode().split()
        match verb[0]:
            case "V":
                return b"20040107\n"
            case "U" if self.full:
                return b"E71\n"
            case "U":
                return self._update(words[0], *words[3:])
            case "L":
                return self._look_up(words[0], *words[3:])
            case "D":
                return self._delete(*words)
            case "Q":
                return b"60 7 7 14 0\n" if self._find(words[0], *words[1:3]) else b"E50\n"
            case "C" if self._find(words[0], *words[2:]):
                self.copies.setdefault((words[0], words[2]), words[1])
                return b"0\n"
            case "N":
                return b"E50\n" if self.copies.pop((words[0], words[1]), None) is None else b"0\n"
            case "R" if words[0] in self.sessions:
                self.recordings.add(words[0])
                return b"0\n"
            case "C" | "R":
                return b"E50\n"
        return b"E0\n"

    def _find(self, call_id: str, from_tag: str, to_tag: str = NO_TAG) -> str | None:
        streams = self.sessions.get(call_id, {})
        return next((tag for tag in (from_tag, to_tag) if tag in streams), None)

    def _update(self, call_id: str, from_tag: str, to_tag: str = NO_TAG) -> bytes:
        known = self._find(call_id, from_tag, to_tag)
        if known is None:
            self._port += 2
            self.sessions.setdefault(call_id, {})[from_tag] = self._port
            known = from_tag
        return b"%d %s\n" % (self.sessions[call_id][known], self.address)

    def _look_up(self, call_id: str, from_tag: str, to_tag: str = NO_TAG) -> bytes:
        known = self._find(call_id, from_tag, to_tag)
        return b"0\n" if known is None else b"%d %s\n" % (self.sessions[call_id][known] + 1, self.address)

    def _delete(self, call_id: str, from_tag: str, to_tag: str = NO_TAG) -> bytes:
        streams = self.sessions.get(call_id, {})
        gone = [tag for tag in streams if tag.partition(";")[0] in (from_tag, to_tag)]
        if not gone:
            return b"E50\n"
        for tag in gone:
            del streams[tag]
        if not streams:
            del self.sessions[call_id]
            self.copies = {copy: to for copy, to in self.copies.items() if copy[0] != call_id}
        return b"0\n"
