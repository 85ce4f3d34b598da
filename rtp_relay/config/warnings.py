"""What a configuration may have, and should be looked at once more."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from gateways.mi.methods import Role
from gateways.webhooks.messages import DTMF
from rtp_relay.config.events import EventsConfig
from rtp_relay.config.mi import MiConfig
from rtp_relay.config.model import Config
from rtp_relay.config.sip import SipConfig


def warnings(config: Config) -> list[str]:
    """Return what to be warned of, a line each."""
    return [*_of_open_door(config.sip), *_of_management(config.mi), *_of_webhooks(config.events)]


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


def _of_webhooks(events: EventsConfig) -> list[str]:
    """Warn of webhooks that anybody could have sent, and of digits that travel readable."""
    found = []
    if events.webhook and not events.webhook_secrets:
        found.append("events.webhook: without a webhook_secret_file no receiver knows that it is told by this service")
    if events.digits and DTMF in events.webhook_events and any(map(_is_readable, events.webhook)):
        found.append("events.digits: digits, which may be those of a card, go over http:// readable by others")
    return found


def _is_readable(url: str) -> bool:
    """Return whether what is sent to a URL can be read on its way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


def _is_public(host: str) -> bool:
    """Return whether other machines reach an address that is listened on."""
    return not ipaddress.ip_address(host).is_loopback
