"""Contacts: where a party says that it is reached (RFC 3261 8.1.1.8, 12.2)."""

from __future__ import annotations

from gateways.sip.messages.incoming import Message
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.values import split_values, uri_text


def contact_of(message: Message) -> str:
    """Return the URI of the first Contact, "" if there is none."""
    values = split_values(message.headers.getlist("Contact"))
    return uri_text(values[0]) if values else ""


def remote_target(message: Message, before: str) -> str:
    """Return the remote target after a message of the party (12.2): `before` if its Contact is no SIP or SIPS URI."""
    contact = contact_of(message)
    try:
        return contact if read_uri(contact).scheme in ("sip", "sips") else before
    except ValueError:
        return before
