"""NAT by source address: parties in the access networks are behind NATs, those in the core network are not.

A party behind a NAT writes an address into its Contact and its SDP that nobody else can reach. The Contact gets the
address that its messages come from; the relay takes the address that its media come from, and tells each side an
address of the relay that it can reach. Calls within the core need no relay and get none.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from rtp_relay.routing import Branch, Reply, Request, on_branch, on_reply, on_request

CORE = (ip_network("192.0.2.0/24"), ip_network("2001:db8:1::/48"))
"""Where parties can be reached at the addresses that they write."""


def is_core(host: str) -> bool:
    """Return whether an address is in the core. A name is not: who uses one is not one of ours."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    return any(address in network for network in CORE if network.version == address.version)


@on_request
def route(request: Request) -> None:
    """Correct what a party behind a NAT says of itself, and note where each new call comes from."""
    if not is_core(request.source_ip):
        request.fix_contact()
    if request.method == "INVITE" and not request.has_totag:
        # Kept with the call, so that the branches, and other control nodes, know it.
        request.vars["caller"] = "core" if is_core(request.source_ip) else "access"
        if request.vars["caller"] == "access":
            # The SDP's own address counts for nothing: media are sent where they come from.
            request.rtp_relay.flags = "SIP-source-address"
    request.relay()


@on_branch
def leaves(branch: Branch) -> None:
    """Engage the relay in each branch that has a party behind a NAT on either side."""
    request = branch.request
    if request.method != "INVITE" or request.has_totag:
        return
    callee_in_core = is_core(request.host)
    if not callee_in_core:
        branch.rtp_relay.flags = "SIP-source-address"
    if not callee_in_core or request.vars["caller"] == "access":
        branch.rtp_relay_engage("rtpengine", "edge")


@on_reply
def comes_back(reply: Reply) -> None:
    """Correct the Contact of a callee behind a NAT."""
    if reply.source is not None and not is_core(reply.source.host):
        reply.fix_contact()
