"""A real Kamailio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.peers.datagram import Address, answer_to
from tests.peers.peer import Peer
from tests.peers.ports import HOST


class Kamailio(Peer):
    """A Kamailio with the configuration `config`, which must answer OPTIONS to itself.

    `defines` are values for names that the configuration lets the command line set (`#!ifndef`), strings in quotes;
    LISTEN and LISTEN_TCP are always set, to the same free port.
    """

    name = "kamailio"

    def __init__(self, config: Path, defines: Mapping[str, str]) -> None:
        super().__init__()
        self.port = 0
        self._config = config
        self._defines = defines

    @property
    def address(self) -> Address:
        """Where it listens for SIP over UDP."""
        return HOST, self.port

    def prepare(self) -> None:
        """Take the port."""
        self.port = self.ports.take()

    def command(self) -> list[str]:
        """Return the command line: in the foreground, all it writes in its own folder, little memory."""
        listen = {"LISTEN": f"udp:{HOST}:{self.port}", "LISTEN_TCP": f"tcp:{HOST}:{self.port}"}
        defines = {**listen, **self._defines}
        folder = str(self.folder)
        places = ["-f", str(self._config.resolve()), "-w", folder, "-Y", folder, "-P", str(self.folder / "pid")]
        named = [word for name, value in defines.items() for word in ("-A", f"{name}={value}")]
        return ["kamailio", *places, *named, "-DD", "-E", "-m", "32", "-M", "8"]

    async def stop(self) -> None:
        """End it by force: it keeps nothing, and one that is asked while its children still start never ends."""
        self.kill()

    async def ready(self) -> bool:
        """Return whether it answers OPTIONS."""
        lines = [
            f"OPTIONS sip:{HOST}:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST};branch=z9hG4bKready;rport",
            "From: <sip:test@localhost>;tag=ready",
            f"To: <sip:{HOST}>",
            "Call-ID: ready",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 10",
            "Content-Length: 0",
        ]
        return bool(await answer_to("\r\n".join([*lines, "", ""]).encode(), self.address))
