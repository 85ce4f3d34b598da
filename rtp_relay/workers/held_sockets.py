"""The sockets for datagrams that the supervisor holds for its workers (`gateways.handoff.shared_sockets`)."""

from __future__ import annotations

import socket

import structlog

from gateways.handoff.sharing import Sharing
from gateways.handoff.steering.programs import of_all
from gateways.handoff.steering.socket_filter import attach
from gateways.sockets import bind
from rtp_relay.config import Config, SocketAddress
from rtp_relay.workers.messages import Held

log = structlog.get_logger()


class HeldSockets:
    """A socket for each worker at each address for datagrams; none where the kernel does not let us say who gets what.

    One that is held outlives its worker, so that the others keep the numbers by which the kernel has them.
    """

    def __init__(self, config: Config) -> None:
        """Open them. Raises OSError, which names the address."""
        self._sockets: dict[SocketAddress, list[socket.socket]] = {}
        try:
            for address in (*config.ng.listen, *config.sip.listen):
                if address.transport == "udp":
                    self._open(address, config.service.workers)
        except BaseException:
            self.close()
            raise

    def of(self, worker: int) -> tuple[Held, ...]:
        """Return those of a worker, whose numbers count from 1."""
        return tuple((address, sockets[worker - 1].fileno()) for address, sockets in self._sockets.items())

    def close(self) -> None:
        """Close them here: a worker that runs has its own end of them."""
        for sockets in self._sockets.values():
            for sock in sockets:
                sock.close()
        self._sockets.clear()

    def _open(self, address: SocketAddress, workers: int) -> None:
        """Open those at an address. Until all read, what comes is for the first worker, who is the first to start."""
        sharing = Sharing(workers)
        sharing.set_alive({1})
        sockets = self._sockets[address] = [_bound(address)]
        try:
            attach(of_all(sharing), sockets[0])
        except OSError as error:
            log.info("workers hand over what the kernel gives to another one", at=str(address), why=str(error))
            self._sockets.pop(address)[0].close()
            return
        sockets += [_bound(address) for _ in range(workers - 1)]


def _bound(address: SocketAddress) -> socket.socket:
    try:
        return bind(address, shared=True)
    except OSError as error:
        raise OSError(error.errno, f"{address}: {error.strerror}") from error
