"""The journal in memory: for tests, and for one process that may forget."""

from events.memory.clock import wall_clock
from events.memory.journal import MemoryJournal

__all__ = ["MemoryJournal", "wall_clock"]
