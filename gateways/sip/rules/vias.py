"""Vias of ours: what responses find their way back by (RFC 3261 16.6 step 8, 18.1.1; RFC 3581 3)."""

from __future__ import annotations

from typing import Final

from gateways.sip.addresses import ListeningPoint, SipTransport

_UDP: Final = SipTransport.UDP


def via_of(local: ListeningPoint, branch: str) -> str:
    """Return the Via value of a request that leaves from a listening point; over UDP it asks for `rport`."""
    rport = ";rport" if local.transport is _UDP else ""
    return f"SIP/2.0/{local.transport.upper()} {local.sent_by};branch={branch}{rport}"
