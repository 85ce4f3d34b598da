"""One connection, TCP or TLS, from the first message that waits for it until it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import cast

import structlog

from gateways.sip.addresses import Hop
from gateways.sip.transport.settings import Address, Failed, Receive, TransportSettings, Waited
from gateways.sip.transport.stream import PING, PONG, Framer, StreamError

log = structlog.get_logger(bounded=True)

_SECONDS_A_TURN = 0.002


class SipConnection(asyncio.Protocol):
    """A connection to `hop`. `unusable` is called once nothing more is to be sent, `gone` when it is closed."""

    def __init__(
        self,
        hop: Hop,
        settings: TransportSettings,
        receive: Receive,
        note_wait: Waited,
        *,
        unusable: Callable[[SipConnection], None],
        gone: Callable[[SipConnection], None],
    ) -> None:
        self.hop = hop
        self._settings, self._receive, self._unusable, self._gone = settings, receive, unusable, gone
        self._note_wait = note_wait
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._framer = Framer(settings.max_message)
        self._messages: Iterator[bytes] = iter(())
        self._read_at = 0.0
        self._waiting: list[tuple[bytes, Failed]] = []  # until it is connected
        self._queued = 0  # bytes of these
        self._unsure: list[Failed] = []  # of messages that the transport may not have sent yet
        self._ended = self._blocked = self._paused = False
        self._used = self._loop.time()
        self._idle_timer: asyncio.TimerHandle | None = None

    # -- opening and closing --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waits."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=1, low=0)  # so that pause_writing tells of all that is left unsent
        if self._ended:
            self._transport.abort()
            return
        self._watch_idle()
        waiting, self._waiting = self._waiting, []
        for data, failed in waiting:
            self.send(data, failed)

    def connect_failed(self, why: str) -> None:
        """Fail what waits for the connection: it cannot be made."""
        self._end()
        self._fail_all(why)
        self._gone(self)

    def close(self) -> None:
        """Close after what was written, unless the peer leaves that unread."""
        self._end()
        if self._transport is not None and not self._blocked:
            self._transport.close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._end()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail those messages that may not have left."""
        self._end()
        self._messages = iter(())
        self._fail_all(str(exc) if exc else "the connection was closed")
        self._gone(self)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._unusable(self)

    def _fail_all(self, why: str) -> None:
        for failed in [*self._unsure, *(failed for _, failed in self._waiting)]:
            self._loop.call_soon(failed, why)
        self._unsure.clear()
        self._waiting.clear()

    def _watch_idle(self) -> None:
        left = self._used + self._settings.idle_timeout - self._loop.time()
        if left > 0:
            self._idle_timer = self._loop.call_later(left, self._watch_idle)
        else:
            self.close()

    # -- sending --

    def send(self, data: bytes, failed: Failed) -> None:
        """Send a message, now or when it is connected. One that is too many to wait ends the connection."""
        if self._ended:
            self._loop.call_soon(failed, "the connection was closed")
        elif self._queued_bytes() + len(data) > self._settings.max_queued:
            log.warning("sip connection closed, too much waits to be read", remote=str(self.hop))
            self._loop.call_soon(failed, "too much waits on the connection")
            self.abort()
        elif self._transport is None:
            self._waiting.append((data, failed))
            self._queued += len(data)
        else:
            self._used = self._loop.time()
            self._transport.write(data)
            if self._settings.tap is not None and data not in (PING, PONG):
                here, there = self._ends(self._transport)
                self._settings.tap(data, self.hop.transport, here, there, True)
            if self._blocked:
                self._unsure.append(failed)

    def _ends(self, transport: asyncio.Transport) -> tuple[Address, Address]:
        """Return the address of this end of the connection, and of the other one."""
        name = transport.get_extra_info("sockname")
        return (name[0], name[1]), (self.hop.host, self.hop.port)

    def _queued_bytes(self) -> int:
        return self._queued if self._transport is None else self._transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        """Record that something is left unsent."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Record that all has left."""
        self._blocked = False
        self._unsure.clear()

    # -- receiving --

    def data_received(self, data: bytes) -> None:
        """Read the messages in a piece of the stream."""
        self._read_at = monotonic()
        self._messages = self._framer.feed(data)
        self._take_some()

    def _take_some(self) -> None:
        """Handle messages, but not for long: the loop's other work goes on, and nothing is read while some are left."""
        stop_at = monotonic() + _SECONDS_A_TURN
        try:
            for message in self._messages:
                self._take(message)
                if monotonic() > stop_at:
                    self._pause()
                    return
        except StreamError as error:
            log.warning("sip connection closed, its stream is unreadable", remote=str(self.hop), why=str(error))
            self.close()
        else:
            self._resume()

    def _take(self, message: bytes) -> None:
        self._used = self._loop.time()
        if message == PING:
            self.send(PONG, _ignore)
        else:
            if self._settings.tap is not None and self._transport is not None:
                here, there = self._ends(self._transport)
                self._settings.tap(message, self.hop.transport, there, here, False)
            self._note_wait(monotonic() - self._read_at)
            self._receive(message, self.hop)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
            self._loop.call_soon(self._take_some)

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()


def _ignore(_why: str) -> None:
    """Ignore a keep-alive that could not leave."""
