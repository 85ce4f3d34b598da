"""Taking the secrets out of a session description before a human sees it."""

from __future__ import annotations

import re
from dataclasses import replace

from events.event import Event
from events.records import Recorded

REMOVED = "(removed)"

_LINE_END = re.compile(r"(\r\n|\r|\n)")

_SECRET = re.compile(
    r"""^ (?P<kept> \s* (?:
        a \s* = \s* crypto \s* :   (?: \d{1,9}[ ]+[A-Za-z0-9_]+[ ]+ (?=inline:) )?   # RFC 4568: tag and suite stay
      | a \s* = \s* ice-pwd \s* :                                                    # RFC 8839, section 5.4
      | a \s* = \s* key-mgmt \s* : (?: mikey[ ]+ )?                                  # RFC 4567, section 3.1
      | k \s* = \s*                (?: (?:clear|base64|uri): )?                      # RFC 4566, section 5.12
    )).+""",
    re.VERBOSE | re.IGNORECASE,
)


def redact(sdp: str) -> str:
    """Return the session description without keys: those of SDES, MIKEY and `k=`, and ICE passwords.

    Fingerprints stay: they are made to be shown. Every line stays, so that the rest can still be read and counted.
    Spaces where SDP allows none are no way around: some peers read such lines all the same.
    """
    return "".join(_SECRET.sub(lambda found: found["kept"] + REMOVED, part) for part in _LINE_END.split(sdp))


def without_keys(entry: Recorded) -> Recorded:
    """Return an entry whose session descriptions are redacted."""
    first, *also = map(_without_keys, entry.events)
    return replace(entry, event=first, also=tuple(also))


def _without_keys(event: Event) -> Event:
    bodies = {name: getattr(event, name) for name in event.secret}
    redacted = {name: _redacted(body) for name, body in bodies.items() if body is not None}
    return replace(event, **redacted) if redacted else event


def _redacted(body: bytes) -> bytes:
    return redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
