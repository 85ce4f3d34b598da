"""What a request can say to an rtpproxy beyond the ng protocol: the dictionary under `rtpproxy`.

Its keys: `look-up`, `keep-sdp`, `force` (there or not), `notify` and `notify-tag` (socket and text of timeout notices),
`ttl` and `peer-ttl` (seconds), `dtmf` (a payload type, or empty for the relay's default). Letters make it
(`engines.rtpproxy.flags`); a client of the ng door may give it, too. Where it is, SDPs carry and heed the mark that
OpenSIPS' `rtpproxy` module sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.kind import Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.rtpproxy.commands import Notification
from engines.rtpproxy.flags import OWN_KEY
from engines.sdp.session import Sdp

MARK = b"a=nortpproxy:yes"
"""The line by which an rtpproxy's client says that the SDP names an rtpproxy already."""

LEFT_ALONE = b"SDP is marked as relayed by another rtpproxy, and left alone"
"""The `warning` of the reply to an offer or answer for which no session was made; the flag `f` makes one."""

_NO_TIMEOUTS = b"I"
"""The tag of a notice that nobody waits for: DTMF notices go to the socket that timeouts go to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOptions:
    """The dictionary, read.

    look_up: complete a session, make none. keep_sdp: make a session, leave the SDP as it is. force: go on though the
    SDP is marked. notification: of timeouts. subcommands: what is done to a stream along with U or L.
    """

    look_up: bool = False
    keep_sdp: bool = False
    force: bool = False
    notification: Notification | None = None
    subcommands: tuple[bytes, ...] = ()

    def leaves_alone(self, sdp: Sdp) -> bool:
        """Whether another proxy has marked the SDP, and that is to count."""
        return not self.force and is_marked(sdp)


def own_options(options: Mapping[bytes, NgValue]) -> OwnOptions | None:
    """Read the dictionary; None if there is none. Raises Untranslatable."""
    own = options.get(OWN_KEY)
    if own is None:
        return None
    if not isinstance(own, dict):
        raise Untranslatable("rtpproxy: not a dictionary")
    return OwnOptions(
        look_up=b"look-up" in own,
        keep_sdp=b"keep-sdp" in own,
        force=b"force" in own,
        notification=_notification(own),
        subcommands=tuple(_subcommands(own)),
    )


def is_marked(sdp: Sdp) -> bool:
    """Whether a line of the SDP is the mark."""
    streams = (line for stream in sdp.streams for line in stream.lines)
    return any(line.text.startswith(MARK) for line in (*sdp.lines, *streams))


def _notification(own: NgDict) -> Notification | None:
    socket, tag = own.get(b"notify"), own.get(b"notify-tag")
    if socket is None and b"dtmf" not in own:
        return None
    if not isinstance(socket, bytes) or not socket or not isinstance(tag, bytes) or not tag:
        raise Untranslatable(
            "flags n, d: no socket for notices is known; name one in the flags, as in n<tcp:HOST:PORT>"
        )
    return Notification(socket, tag if b"no-timeouts" not in own else _NO_TIMEOUTS)


def _subcommands(own: NgDict) -> list[bytes]:
    """Return the time to live as the subcommand S (rtpproxy: rpcpv1_ul_subc_set.c), DTMF as the module's (M3:1)."""
    commands = []
    for key, letters in ((b"ttl", b"S"), (b"peer-ttl", b"Sr")):
        seconds = own.get(key)
        if isinstance(seconds, int) and seconds > 0:
            commands.append(b"%s ttl=%d" % (letters, seconds))
    payload_type, tag = own.get(b"dtmf"), own.get(b"notify-tag")
    if isinstance(payload_type, bytes) and isinstance(tag, bytes):
        commands.append(b"M3:1 Dd%s %s" % (tag, payload_type) if payload_type else b"M3:1 Dd%s" % tag)
    return commands
