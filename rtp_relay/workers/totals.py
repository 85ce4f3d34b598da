"""The counters of all workers together: kept by the supervisor, told of by the workers, asked for by these."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from actors.control.counters import Sample, SampleKey, total
from rtp_relay.workers.messages import Alive, Ask, Wanted

SLICE = 200
"""Samples that go in one message."""

PATIENCE = 8.0
"""Seconds to wait for the supervisor's answer."""


class Totals:
    """What each worker has counted. What one has counted that is gone stays in the sum, but for what it had then.

    All that is told of the service as a whole comes from here: so a number is never less than it was, whichever worker
    tells it and whoever dies. What a worker counted in its last second before it died is not in it. What workers that
    live count no more, such as what was asked of a node that was removed, is over for those that died, too.
    """

    def __init__(self) -> None:
        self._latest: dict[int, dict[SampleKey, Sample]] = {}
        self._gone: list[Sample] = []
        self._over: set[SampleKey] = set()

    def heard(self, worker: int, changed: Iterable[Sample], gone: Iterable[SampleKey] = ()) -> None:
        """Record what a worker has counted since it was heard of last, and what it counts no more."""
        latest = self._latest.setdefault(worker, {})
        self._over.difference_update(sample.key for sample in changed if sample.key not in latest)
        for key in gone:
            latest.pop(key, None)
        latest.update((sample.key, sample) for sample in changed)
        if gone:
            self._over.update(gone)
            self._forget()

    def ended(self, worker: int) -> None:
        """Record that a worker is gone."""
        samples = self._latest.pop(worker, {}).values()
        self._gone = total([*self._gone, *(sample for sample in samples if not sample.gauge)])
        self._forget()

    def _forget(self) -> None:
        """Take out what is over, once no worker that lives counts it any more."""
        over = self._over.difference(*self._latest.values())
        self._gone = [sample for sample in self._gone if sample.key not in over]
        self._over -= over

    def all(self) -> list[Sample]:
        """Return what all have counted."""
        return total([*self._gone, *(sample for latest in self._latest.values() for sample in latest.values())])


class Telling:
    """A worker's reports: in each is what has changed since the one before."""

    def __init__(self, send: Callable[[Alive], bool]) -> None:
        self._send = send
        self._told: dict[SampleKey, Sample] = {}

    def tell(self, samples: Sequence[Sample]) -> None:
        """Report what was counted; what cannot be sent now goes with the next report."""
        now = {sample.key: sample for sample in samples}
        for changed, gone in self._slices(now):
            if not self._send(Alive(changed, gone)):
                return
            self._told.update((sample.key, sample) for sample in changed)
            for key in gone:
                del self._told[key]

    def _slices(self, now: dict[SampleKey, Sample]) -> Iterator[tuple[tuple[Sample, ...], tuple[SampleKey, ...]]]:
        changed = [sample for key, sample in now.items() if self._told.get(key) != sample]
        yield tuple(changed[:SLICE]), tuple(key for key in self._told if key not in now)
        for begin in range(SLICE, len(changed), SLICE):
            yield tuple(changed[begin : begin + SLICE]), ()


async def ask(send: Callable[[Ask, socket.socket], bool], wanted: Wanted) -> bytes:
    """Ask the supervisor, and return its answer. Raises OSError and TimeoutError."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if not send(Ask(wanted), theirs):
            raise OSError("the supervisor does not listen")
        theirs.close()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(sock=ours.dup())
            try:
                answer = await reader.read()
            finally:
                writer.close()
    if not answer:
        raise OSError("the supervisor does not answer")
    return answer


async def answer(sock: socket.socket, data: bytes) -> None:
    """Give an answer to who has asked; one who has gone gets none."""
    sock.setblocking(False)
    with sock, contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_sendall(sock, data)


def packed(samples: Sequence[Sample]) -> bytes:
    """Return samples as an answer: both ends are the same program (channel.py)."""
    return pickle.dumps(list(samples))


def unpacked(data: bytes) -> list[Sample]:
    """Return the samples of an answer."""
    samples: list[Sample] = pickle.loads(data)
    return samples
