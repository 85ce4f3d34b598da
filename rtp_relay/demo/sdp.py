"""The session descriptions of the demonstration's parties."""

from __future__ import annotations

from rtp_relay.demo.party import Address


def describe(address: Address, version: int) -> bytes:
    """Return the description (RFC 4566) of one G.711 stream that is taken at an address."""
    host, port = address
    lines = (
        "v=0",
        f"o=- {port} {version} IN IP4 {host}",
        "s=rtp-relay demo",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "a=sendrecv",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def media_address(sdp: bytes) -> Address:
    """Return where the description's first stream is taken. Raises ValueError if it does not say."""
    host, port = "", 0
    for line in sdp.decode("utf-8", "replace").splitlines():
        if line.startswith("c=") and not host:
            host = line.split()[-1]
        elif line.startswith("m=") and not port:
            port = int(line.split()[1])
    if not host or not port:
        raise ValueError("it does not say where media are taken")
    return host, port
