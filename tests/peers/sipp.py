"""SIPp, as one party of one call."""

from __future__ import annotations

import re
from pathlib import Path

from tests.peers.datagram import Address, DatagramSocket
from tests.peers.peer import Peer, wait_until
from tests.peers.ports import HOST

_SECONDS = 30


class Sipp(Peer):
    """SIPp with the scenario file `scenario`, for one call between it and `remote` (a caller's next hop).

    `rtp_port` stands in the scenario as `[rtp_port]`. Where the scenario waits for an INFO, `go_on` sends it. What
    it received can be awaited with `received`, and its verdict with `finish`.
    """

    name = "sipp"

    def __init__(self, scenario: Path, *, rtp_port: int, call_id: str = "", remote: Address | None = None) -> None:
        super().__init__()
        self.port = 0
        self.call_id = call_id
        self._scenario = scenario
        self._rtp_port = rtp_port
        self._remote = remote

    @property
    def address(self) -> Address:
        """Where it listens for SIP over UDP."""
        return HOST, self.port

    def prepare(self) -> None:
        """Take the port."""
        self.port = self.ports.take()

    def command(self) -> list[str]:
        """Return the command line."""
        files = ["-message_file", "messages", "-error_file", "errors", "-message_overwrite", "true"]
        place = ["-i", HOST, "-p", str(self.port), "-mp", str(self.ports.rest()[0])]
        call = ["-m", "1", "-l", "1", "-key", "rtp_port", str(self._rtp_port), "-cid_str", self.call_id or "%u@%s"]
        limits = ["-timeout", f"{_SECONDS}s", "-timeout_error", "-recv_timeout", f"{_SECONDS}000"]
        target = [f"{self._remote[0]}:{self._remote[1]}"] if self._remote else []
        scenario = ["-sf", str(self._scenario.resolve())]
        return ["sipp", *target, *scenario, *place, *call, *limits, "-nostdin", "-trace_msg", "-trace_err", *files]

    async def ready(self) -> bool:
        """Return whether it listens."""
        return self.listens(self.port)

    def messages(self) -> list[str]:
        """Return the SIP messages it has received, in their order."""
        path = self.folder / "messages"
        parts = re.split(r"^-{20,}.*\n", path.read_text() if path.exists() else "", flags=re.MULTILINE)
        return [part.split("\n\n", 1)[1] for part in parts if "message received" in part.split("\n\n", 1)[0]]

    async def received(self, start: str, count: int = 1) -> str:
        """Wait for the message number `count` that starts with `start` ("SIP/2.0 200") and return it."""
        found: list[str] = []

        async def arrived() -> bool:
            found[:] = [message for message in self.messages() if message.startswith(start)]
            return len(found) >= count

        await wait_until(arrived, f"{self._scenario.stem} has received {count} times {start!r}")
        return found[count - 1]

    async def go_on(self, call_id: str) -> None:
        """Let a scenario that waits for an INFO go on."""
        async with DatagramSocket() as socket:
            host, port = socket.address
            lines = [
                f"INFO sip:{HOST}:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKgo",
                "From: <sip:test@localhost>;tag=test",
                "To: <sip:party@localhost>",
                f"Call-ID: {call_id}",
                "CSeq: 1 INFO",
                "Content-Length: 0",
            ]
            socket.send("\r\n".join([*lines, "", ""]).encode(), self.address)

    async def finish(self) -> int:
        """Wait for the end of the call and return SIPp's exit code: 0 if all went as the scenario says."""
        return await self.ended(_SECONDS + 5)

    def log(self, lines: int = 200) -> str:
        """Return what it has sent and received, and its errors."""
        paths = [self.folder / "messages", self.folder / "errors"]
        text = "\n".join(path.read_text(errors="replace") for path in paths if path.exists())
        return "\n".join(text.splitlines()[-lines:])
