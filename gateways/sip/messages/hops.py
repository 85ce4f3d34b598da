"""Where responses go (RFC 3261 18.2.2, RFC 3581)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from sipmessage import Via

from gateways.sip.addresses import Hop, SipTransport

_TRANSPORTS = {transport.value: transport for transport in SipTransport}


def response_hop(via: Via, hop: Hop) -> Hop:
    """Return where the response goes to a request with this top Via that came over `hop`.

    Over UDP: the address it came from, at its rport, else at the port of its sent-by. Else: the connection it came on;
    if that is gone, see `fallback_hop`. A maddr is not obeyed: it would have us send to whoever a request names.
    """
    if hop.transport.reliable:
        return hop
    port = _rport(via) or _sent_by_port(via, hop.transport)
    return hop if port == hop.port else replace(hop, port=port)


def fallback_hop(via: Via, hop: Hop) -> Hop:
    """Return where the response goes if the connection its request came on is gone: the port of its sent-by."""
    return replace(hop, port=_sent_by_port(via, hop.transport)) if hop.transport.reliable else response_hop(via, hop)


def hop_of(via: Via) -> Hop | None:
    """Return where a response with this top Via goes, where nothing is known of its request.

    None if the Via has no address: a proxy that is asked to pass on such a response looks nothing up.
    """
    transport = _TRANSPORTS.get(via.transport.lower())
    host = (via.parameters.get("received") or via.host).strip("[]")
    if transport is None or not _is_address(host):
        return None
    return Hop(transport, host, _rport(via) or _sent_by_port(via, transport))


def _sent_by_port(via: Via, transport: SipTransport) -> int:
    return via.port or transport.default_port


def _rport(via: Via) -> int:
    text = via.parameters.get("rport") or ""
    port = int(text) if text.isdecimal() and len(text) < 6 else 0
    return port if port < 65536 else 0


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
