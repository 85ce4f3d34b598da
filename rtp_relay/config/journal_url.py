"""The url of the journal's Redis."""

from __future__ import annotations

import re

from rtp_relay.config.problems import ConfigFault, Wrong, wrong

_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
_SERVER = rf"(?:[^@/\s]*@)?{_HOST}(?::\d{{1,5}})?(?:/\d*)?(?:\?\S*)?"
_SERVERS = rf"(?:[^@/\s]*@)?{_HOST}:\d{{1,5}}(?:,{_HOST}:\d{{1,5}})*"

_FORMS = {
    "redis": (_SERVER, "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"),
    "rediss": (_SERVER, "rediss://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"),
    "unix": (r"(?:[^@/\s]*@)?/[^?]+(?:\?\S*)?", "unix://[[USER]:PASSWORD@]/PATH"),
    "redis+sentinel": (rf"{_SERVERS}/[A-Za-z0-9._-]+(?:\?\S*)?", "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE-NAME"),
    "redis+cluster": (rf"{_SERVERS}/?(?:\?\S*)?", "redis+cluster://HOST:PORT,HOST:PORT"),
}
_ANY = "a url that begins with one of " + ", ".join(f"{scheme}://" for scheme in _FORMS)


def journal_url(value: object) -> str:
    """Read the url of a Redis, a Redis behind Sentinels, or a Redis Cluster."""
    if not isinstance(value, str):
        raise wrong(value, _ANY)
    scheme, _, rest = value.partition("://")
    if scheme not in _FORMS:
        raise Wrong(ConfigFault(redacted(value), _ANY))
    form, expected = _FORMS[scheme]
    if not re.fullmatch(form, rest):
        raise Wrong(ConfigFault(redacted(value), expected))
    return value


def redacted(url: str) -> str:
    """Return the url as text to show, without what stands before an @ or after a question mark: passwords do."""
    return repr(re.sub(r"\?.*", "?***", re.sub(r"(?<=//).*@", "***@", url)))
