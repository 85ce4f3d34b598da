"""The load generator's process: `python -m bench.generator LOAD`, LOAD being the JSON of a `bench.load.Load`.

It writes the line `armed` when it is about to send, and at the end the JSON of a `bench.load.Outcome` as one line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from dataclasses import asdict
from time import monotonic
from typing import Any, NamedTuple

import uvloop

from bench.calls import Template
from bench.load import Load, Outcome, outcome
from bench.sockets import udp_socket

_OK = b"6:result2:ok"
_LOOK_EVERY = 0.1
"""Seconds between two looks for what was not answered."""


class _Sent(NamedTuple):
    number: int
    verb: int
    at: float


class Generator(asyncio.DatagramProtocol):
    """Sends a load. `finished` is done when every call has come to its end."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._target = (load.host, load.port)
        self._templates = [Template(verb, load.prefix) for verb in load.verbs]
        self._cookies = map((os.urandom(6).hex().encode() + b"_%d").__mod__, itertools.count())
        self._sent: dict[bytes, _Sent] = {}
        self._latencies: list[float] = []
        self._times: list[float] = []
        self._errors = self._timeouts = 0
        self._begun = self._ended = 0
        self._knocked = not load.knock
        self._loop = asyncio.get_running_loop()
        self._transports: list[asyncio.DatagramTransport] = []
        self._began = monotonic()
        self.finished: asyncio.Future[None] = self._loop.create_future()

    def outcome(self) -> Outcome:
        """Report the outcome."""
        return outcome(self._latencies, self._times, errors=self._errors, timeouts=self._timeouts, began=self._began)

    def connection_made(self, transport: Any) -> None:
        """Begin, once all sockets are there."""
        self._transports.append(transport)
        if len(self._transports) < self._load.sockets:
            return
        self._began = monotonic()
        if self._load.knock:
            self._knock(*self._next(0, 0))
        else:
            self._go()

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - the protocol's signature
        """Handle a reply, and continue its call."""
        sent = self._sent.pop(data[: data.find(b" ")], None)
        if sent is None:
            return
        if not self._knocked:
            self._answered_first(data)
            return
        self._note(sent, data)
        self._go_on(sent)

    def close(self) -> None:
        """Close the sockets."""
        for transport in self._transports:
            transport.close()

    def error_received(self, exc: Exception) -> None:
        """Ignore it: what is not answered shows as a timeout."""

    # -- a call --

    def _next(self, number: int, verb: int) -> tuple[bytes, bytes]:
        cookie = next(self._cookies)
        self._sent[cookie] = _Sent(number, verb, monotonic())
        return cookie, self._templates[verb].fill(cookie, number)

    def _ask(self, number: int, verb: int) -> None:
        transport = self._transports[(number + verb) % len(self._transports)]
        transport.sendto(self._next(number, verb)[1], self._target)

    def _note(self, sent: _Sent, data: bytes) -> None:
        now = monotonic()
        self._latencies.append(now - sent.at)
        self._times.append(now)
        self._errors += _OK not in data

    def _go_on(self, sent: _Sent) -> None:
        if sent.verb + 1 < len(self._templates):
            self._ask(sent.number, sent.verb + 1)
        else:
            self._end_one()

    def _begin_one(self) -> None:
        self._begun += 1
        self._ask((self._begun - 1) * self._load.step, 0)

    def _end_one(self) -> None:
        self._ended += 1
        if self._ended == self._load.calls:
            self.finished.set_result(None)
        elif not self._load.rate and self._begun < self._load.calls:
            self._begin_one()

    # -- all calls --

    def _go(self) -> None:
        self._look()
        if self._load.rate:
            self._keep_pace(monotonic())
            return
        for _ in range(min(self._load.window, self._load.calls - self._begun)):
            self._begin_one()

    def _keep_pace(self, began: float) -> None:
        due = 1 + int((monotonic() - began) * self._load.rate / len(self._templates))
        while self._begun < min(due, self._load.calls):
            self._begin_one()
        if self._begun < self._load.calls:
            self._loop.call_later(0.001, self._keep_pace, began)

    def _look(self) -> None:
        """End the calls whose request was not answered. What was sent first stands first."""
        limit = monotonic() - self._load.timeout
        lost = list(itertools.takewhile(lambda item: item[1].at < limit, self._sent.items()))
        for cookie, _ in lost:
            del self._sent[cookie]
            self._timeouts += 1
            self._end_one()
        if not self.finished.done():
            self._loop.call_later(_LOOK_EVERY, self._look)

    # -- knocking --

    def _knock(self, cookie: bytes, datagram: bytes) -> None:
        if cookie in self._sent:
            self._transports[0].sendto(datagram, self._target)
            self._loop.call_later(self._load.knock, self._knock, cookie, datagram)

    def _answered_first(self, data: bytes) -> None:
        if _OK not in data:
            self._knock(*self._next(0, 0))
            return
        self._knocked = True
        self._times.append(monotonic())
        self._latencies.append(0.0)
        self._begun = 1
        self._go()
        self._end_one()


async def generate(load: Load) -> Outcome:
    """Send a load and tell what came of it."""
    loop = asyncio.get_running_loop()
    generator = Generator(load)
    try:
        for _ in range(load.sockets):
            await loop.create_datagram_endpoint(lambda: generator, sock=udp_socket())
        await generator.finished
    finally:
        generator.close()
    return generator.outcome()


def main() -> None:
    """Send the load that the command line describes."""
    load = Load(**json.loads(sys.argv[1]))
    print("armed", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(generate(load)))))


if __name__ == "__main__":
    main()
