"""A journal in memory that can be damaged, as a Redis is that loses its tail or the bytes of an entry."""

from __future__ import annotations

from events.memory import MemoryJournal


class DamagedJournal(MemoryJournal):
    """A MemoryJournal with what only tests do to it."""

    def spoil(self, call_id: str, version: int, payload: bytes) -> None:
        """Put other bytes into an entry."""
        entries = self._streams[call_id].entries
        entries[version - 1] = entries[version - 1]._replace(payload=payload)

    def cut(self, call_id: str, version: int) -> None:
        """Lose a stream's entries above `version`."""
        if call_id in self._streams:
            del self._streams[call_id].entries[version:]
