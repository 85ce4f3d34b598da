"""The guard: counts what operations take, which is the same on every machine, and holds it against limits."""

from __future__ import annotations
