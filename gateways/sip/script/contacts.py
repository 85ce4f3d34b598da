"""Contact headers of parties behind a NAT."""

from __future__ import annotations

import re

from gateways.sip.addresses import Hop, bracketed
from gateways.sip.messages.incoming import Message
from gateways.sip.messages.values import split_values

_URI = re.compile(
    r"""(?P<before>(?:"(?:[^"\\]|\\.)*"|[^<"])*<\s*|\s*)  # a display name and <, or nothing
        (?P<user>sips?:(?:[^@<>\s"]*@)?)
        (?:\[[^\]]*\]|[^\s:;?>,\[\]]+)(?::\d*)?           # host and port
        (?P<rest>.*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def fix_contacts(message: Message, source: Hop) -> None:
    """Put the address that a message came from in place of host and port of its Contacts; all else stays."""
    values = split_values(message.headers.getlist("Contact"))
    if values:
        message.headers.setlist("Contact", [with_address(value, source) for value in values])


def with_address(value: str, source: Hop) -> str:
    """Return a Contact value with another host and port; one without a SIP URI (`*`, tel:) as it is."""
    found = _URI.fullmatch(value)
    if found is None:
        return value
    return f"{found['before']}{found['user']}{bracketed(source.host)}:{source.port}{found['rest']}"
