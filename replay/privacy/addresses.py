"""The addresses of parties, without what says who they are: SIP and tel URIs, alone or in texts."""

from __future__ import annotations

import re
from typing import Final

from events.values import value
from replay.privacy.users import HIDDEN, ShowUser

_SCHEME: Final = re.compile(r"\s*(sips?|tel)\s*:", re.IGNORECASE)
_PLACE: Final = re.compile(r"\[[0-9A-Fa-f:.]+\](?::\d{1,5})?|[A-Za-z0-9._-]+(?::\d{1,5})?")
_IN_TEXT: Final = re.compile(r"""\b(?:sips?|tel):[^\s<>"',]+""", re.IGNORECASE)

_DIGIT: Final = r"(?:\d|%3\d)"
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NUMBER: Final = re.compile(
    rf"""(?P<ip> (?<![\d.]) {_OCTET} (?:\.{_OCTET}){{3}} (?![\d.]) )
       | (?: \+ {_DIGIT} (?: [-.()/\ ]* {_DIGIT} ){{4,}} | {_DIGIT} (?: [-.()/]? {_DIGIT} ){{5,}} ) (?:{HIDDEN})?""",
    re.VERBOSE,
)
"""What may be somebody's number: six digits and more, or five after a plus, whatever people write between them.

Not the address of a machine; and with the end of what is shown of one in part.
"""


@value
class Address:
    """A URI's scheme ("" for one that is no SIP or tel URI), its user ("" for none), and its host and port."""

    scheme: str
    user: str
    place: str = ""


def address_of(value: str) -> Address:
    """Return the address in a URI, or in a From, To, Contact or Route value; parameters and headers are left out.

    Whatever stands before the last @ is the user: more may be hidden than has to be, and never less.
    """
    uri = value.rpartition("<")[2].partition(">")[0] if "<" in value else value
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return Address("", uri)
    rest = uri[scheme.end() :]
    if scheme[1].lower() == "tel":
        return Address("tel", rest)
    user, _, place = rest.rpartition("@")
    host = _PLACE.match(place.strip())
    return Address(scheme[1].lower(), user, host[0] if host else "")


def shown_address(value: str, show: ShowUser) -> str:
    """Return a URI, or a From, To, Contact or Route value, with nothing but its scheme, its user as shown, its host.

    Names, parameters and headers can have the number, too. What is no such URI is shown as a user.
    """
    if not value:
        return value
    address = address_of(value)
    user = show(address.user) if address.user else ""
    place = shown_numbers(address.place, show)
    at = "@" if user and address.scheme != "tel" else ""
    shown = f"{address.scheme}:{user}{at}{place}" if address.scheme else user
    return f"<{shown}>" if "<" in value else shown


def shown_uris(text: str, show: ShowUser) -> str:
    """Return a text with the SIP and tel URIs in it shown as they may be."""
    return _IN_TEXT.sub(lambda found: shown_address(found[0], show), text)


def shown_numbers(text: str, show: ShowUser) -> str:
    """Return a text with what may be a number in it shown as it may be."""
    return _NUMBER.sub(lambda found: found[0] if found["ip"] else show(found[0]), text)


def shown_text(text: str, show: ShowUser) -> str:
    """Return a text with URIs and numbers in it shown as they may be."""
    return shown_numbers(shown_uris(text, show), show)
