"""Session descriptions that tests tell apart by a name, and what a fake relay makes of one."""

from __future__ import annotations

import re
from dataclasses import replace

from replay.offer_answer import SipMessage

_WEB = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n"
_NAME = re.compile(rb"(?m)^s=([^\r\n]*)")
_PORT = re.compile(rb"(?m)^(m=\w+ )[1-9]\d*")
_ADDRESS = re.compile(rb"(?m)^([co]=.*IN IP4 )\S+")


def named(name: str) -> bytes:
    """Return a party's session description whose session has this name, which may end in a version (`c.7`).

    One whose name begins with `web` has ICE and DTLS.
    """
    version = int(name.partition(".")[2] or 1)
    return (
        f"v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns={name}\r\n"
        "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n" + (_WEB if name.startswith("web") else "")
    ).encode()


def with_named_sdp(event: SipMessage) -> SipMessage:
    """Return the message with a session description in place of the name of one."""
    return event if event.sdp is None else replace(event, sdp=named(event.sdp.decode()))


def name_of(sdp: object) -> str:
    """Return the name of the session in a session description."""
    assert isinstance(sdp, bytes)
    found = _NAME.search(sdp)
    assert found is not None, sdp
    return found[1].decode()


def relayed(sdp: bytes, number: int, address: bytes = b"198.51.100.1") -> bytes:
    """Return what a relay gives for it: with addresses and ports of its own, and a name that tells how many it gave."""
    moved = _PORT.sub(rb"\g<1>%d" % (20000 + 2 * number % 20000), _ADDRESS.sub(rb"\g<1>" + address, sdp))
    return _NAME.sub(rb"s=relayed %d of \g<1>" % number, moved)
