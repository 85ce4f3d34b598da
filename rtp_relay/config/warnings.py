"""What a configuration may have, and should be looked at once more."""

from __future__ import annotations

import ipaddress

from gateways.mi.methods import Role
from rtp_relay.config.mi import MiConfig
from rtp_relay.config.model import Config
from rtp_relay.config.sip import SipConfig


def warnings(config: Config) -> list[str]:
    """Return what to be warned of, a line each."""
    return [*_of_open_door(config.sip), *_of_management(config.mi)]


def _of_open_door(sip: SipConfig) -> list[str]:
    """Warn of a SIP door that strangers may use; with a script, only that knows."""
    if sip.script is not None or not any(_is_public(address.host) for address in sip.listen):
        return []
    whole = sip.next_hop is not None if sip.allow is None else any(not network.prefixlen for network in sip.allow)
    where = "to the next hop" if sip.next_hop is not None else "to what sip.relay_to names"
    return [f"sip.allow: anybody may call through this door, {where}; name the networks that may"] if whole else []


def _of_management(mi: MiConfig) -> list[str]:
    """Warn where others than this machine may change things without a token."""
    strangers = [str(each) for each in mi.allow if not each.is_loopback]
    if not mi.listen or mi.role is not Role.OPERATE or not strangers:
        return []
    where = ", ".join(strangers)
    return [f'mi.allow: who asks from {where} may change things without a token; role = "read" lets them look only']


def _is_public(host: str) -> bool:
    """Return whether other machines reach an address that is listened on."""
    return not ipaddress.ip_address(host).is_loopback
