"""The flags of an rtpproxy as OpenSIPS' `rtpproxy` module has them: letters, upper or lower case, in any order.

Source: modules/rtpproxy/README.md and force_rtp_proxy_body in rtpproxy.c, of OpenSIPS. Each letter becomes a word of
the ng protocol, which `engines.rtpproxy.translate` reads as that of any client, or a part of OWN_KEY.

| letter | meaning | in the request |
|---|---|---|
| `a` | the sender is not symmetric; its SDP's address is right | flags `asymmetric`, `trust-address` |
| `s` `w` | the sender is taken to be symmetric; of `a` and these the last one counts | flag `symmetric` |
| `r` | the address in the SDP is right | flag `trust-address` |
| `o` | rewrite the o= line, too | `replace`: `origin` |
| `c` | rewrite the session's c= line, too | `replace`: `session-connection` |
| `i` `e` | internal, external interface: two, that of the sender first | `direction` |
| `zNN` | repacketise to NN ms | `repacketize` |
| `l` | only look up a session | own: `look-up` |
| `k` | make the session, leave the SDP as it is | own: `keep-sdp` |
| `f` | go on though another proxy has marked the SDP | own: `force` |
| `n` `n<socket>` | have timeouts told, to the socket (one of the relay's option -n) | own: `notify` |
| `tNN` `TNN` | the sender's side, the other side may be silent for NN seconds | own: `ttl`, `peer-ttl` |
| `d` `dNNN` | have DTMF told, of payload type NNN | own: `dtmf` |
"""

from __future__ import annotations

import re

from engines.kind import Untranslatable
from engines.ng.bencode import NgDict, NgValue

OWN_KEY = b"rtpproxy"
"""The key of a request for what the ng protocol has no words for: a dictionary. Where it is, an SDP is marked."""

MAX_PTIME = 999

_LETTER = re.compile(
    rb"(?P<plain>[aswroclkfieASWROCLKFIE])|[nN](?:<(?P<socket>[^>]*)>)?|(?P<number>[tTzZdD])(?P<n>\d*)"
)
_FLAGS = {b"a": b"asymmetric", b"s": b"symmetric", b"w": b"symmetric"}
_REPLACE = {b"o": b"origin", b"c": b"session-connection"}
_OWN = {b"l": b"look-up", b"k": b"keep-sdp", b"f": b"force"}
_INTERFACES = {b"i": b"internal", b"e": b"external"}


def read(letters: bytes) -> NgDict:
    """Return the keys that the letters ask for. Raises Untranslatable, which names the letter."""
    reader = _Reader()
    position = 0
    while position < len(letters):
        found = _LETTER.match(letters, position)
        if found is not None:
            reader.add(found)
            position = found.end()
        elif letters[position : position + 1] == b" ":
            position += 1
        else:
            letter = letters[position : position + 1].decode("ascii", "backslashreplace")
            raise Untranslatable(f"flags: {letter!r} is not a flag of an rtpproxy; leave it out")
    return reader.finish()


class _Reader:
    """Collects the letters."""

    def __init__(self) -> None:
        self._symmetry = b""
        self._trust = False
        self._replace: list[NgValue] = []
        self._direction: list[NgValue] = []
        self._own: NgDict = {}
        self._ptime: int | None = None

    def add(self, found: re.Match[bytes]) -> None:
        """Add one letter with its value."""
        if found["plain"]:
            self._add_plain(found["plain"].lower())
        elif found["number"]:
            self._add_number(found["number"], found["n"])
        else:
            self._own[b"notify"] = found["socket"] or b""

    def _add_plain(self, letter: bytes) -> None:
        if letter in _FLAGS:
            self._symmetry = letter
        elif letter in _REPLACE and _REPLACE[letter] not in self._replace:
            self._replace.append(_REPLACE[letter])
        elif letter in _INTERFACES:
            self._direction.append(_INTERFACES[letter])
        elif letter in _OWN:
            self._own[_OWN[letter]] = 1
        self._trust = self._trust or letter in b"ar"

    def _add_number(self, letter: bytes, digits: bytes) -> None:
        if letter in b"dD":
            self._own[b"dtmf"] = digits
            return
        number = int(digits or 0)
        if not 0 < number <= (MAX_PTIME if letter in b"zZ" else 2**31 - 1):
            raise Untranslatable(f"flags: {letter.decode()}{digits.decode()}: a number is needed, as in z20 or t300")
        if letter in b"zZ":
            self._ptime = number
        else:
            self._own[b"ttl" if letter == b"t" else b"peer-ttl"] = number

    def finish(self) -> NgDict:
        """Return the keys."""
        if len(self._direction) not in (0, 2):
            raise Untranslatable("flags: i and e stand in pairs, one for each side; set iface of both legs or of none")
        flags: list[NgValue] = [_FLAGS[self._symmetry]] if self._symmetry else []
        flags += [b"trust-address"] if self._trust else []
        lists = {b"flags": flags, b"replace": self._replace, b"direction": self._direction}
        options: NgDict = {key: items for key, items in lists.items() if items}
        if self._ptime is not None:
            options[b"repacketize"] = self._ptime
        return {**options, OWN_KEY: self._own}
