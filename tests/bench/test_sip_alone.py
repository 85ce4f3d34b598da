from __future__ import annotations

from bench.sip.alone import measure


async def test_all_calls_come_to_their_ends_without_sockets() -> None:
    figures = await measure(calls=20, runs=2)
    assert len(figures) == 2
    assert min(figures) > 0
