"""Commands of the rtpproxy control protocol, as bytes without cookie and without newline.

rtpproxy splits a command at spaces, tabs, CR and LF, and takes a lone `&&` for the border of a second command. So
every word is checked before it is written: one that could end early, or run into the next, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engines.ids import safe_name
from engines.kind import Untranslatable

MAX_COMMAND = 8000
"""The longest command, in bytes: rtpproxy reads at most 8 kB, of which the cookie takes some, and ignores the rest."""

_WORD = re.compile(rb"[^\x00-\x20\x7f]+")

VERSION = b"V"
"""Asks for the version of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Options of U and L.

    asymmetric: send to the address that was given, whatever address the packets come from; False: learn it from the
    packets; None: as rtpproxy is set. interfaces: letters `i` and `e` (internal, external), one for each side. ipv6:
    the address given is an IPv6 one. weak: a D without `w` is not enough. ptime: repacketise to so many ms.
    payload_types: the stream's, for prompts. local_address: use this address of the relay's; remote_address: use the
    one from which this host is reached. new_port: take a new port.
    """

    asymmetric: bool | None = None
    interfaces: str = ""
    ipv6: bool = False
    weak: bool = False
    ptime: int | None = None
    payload_types: tuple[int, ...] = ()
    local_address: str = ""
    remote_address: str = ""
    new_port: bool = False

    def encode(self) -> bytes:
        """Return the letters. Those that a number or an address follows stand last, each ended by the next letter."""
        text = "" if self.asymmetric is None else "a" if self.asymmetric else "s"
        text += self.interfaces
        text += "6" * self.ipv6 + "w" * self.weak + "n" * self.new_port
        if self.ptime is not None:
            text += f"z{self.ptime}"
        if self.payload_types:
            text += "c" + ",".join(map(str, self.payload_types))
        if self.local_address:
            text += f"l{_bracketed(self.local_address)}"
        if self.remote_address:
            text += f"r{_bracketed(self.remote_address)}"
        return text.encode("ascii")


@dataclass(frozen=True, slots=True)
class Notification:
    """Where rtpproxy tells of a session's timeout: it connects to the socket and writes the tag and a newline."""

    socket: bytes
    tag: bytes


@dataclass(frozen=True, slots=True)
class SessionKey:
    """The names of a session, or of one stream of it, on an rtpproxy.

    call_id, as `engines.ids` makes it. from_tag and to_tag as in the request; to_tag is b"" where there is none.
    medium: the number of the m= line, from 1, or None for all streams, which only D takes.

    rtpproxy keeps the from-tag of the first U, with the number, and no other. Later commands find the session by
    either tag, so the party that did not create it may be the from-tag, if the other one is the to-tag.
    """

    call_id: bytes
    from_tag: bytes
    to_tag: bytes = b""
    medium: int | None = None

    def words(self) -> tuple[bytes, list[bytes]]:
        """Return the call-id and the tags as the commands have them. Raises Untranslatable for unfit bytes."""
        tags = [self._tag("from-tag", self.from_tag)]
        if self.to_tag:
            tags.append(self._tag("to-tag", self.to_tag))
        return _word("call-id", self.call_id), tags

    def swapped(self) -> SessionKey:
        """Return the key with the other party as from-tag."""
        return replace(self, from_tag=self.to_tag, to_tag=self.from_tag)

    def _tag(self, name: str, tag: bytes) -> bytes:
        if b";" in tag:
            raise Untranslatable(f"{name}: {tag!r} has a semicolon, which an rtpproxy takes for the end of the tag")
        word = _word(name, safe_name(tag.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"))
        return word if self.medium is None else b"%s;%d" % (word, self.medium)


def capability(datestamp: str) -> bytes:
    """Return the question whether the relay has what was added to the protocol on that day (as 20081102)."""
    return _command(b"VF", _word("capability", datestamp.encode()))


def update(
    options: StreamOptions,
    key: SessionKey,
    host: bytes,
    port: int,
    *,
    notification: Notification | None = None,
    subcommands: Iterable[bytes] = (),
) -> bytes:
    """Return U: create the session of a stream, or change it. host and port: where the party wants its media."""
    call_id, tags = key.words()
    words = [call_id, _word("address", host), b"%d" % port, *tags]
    if notification is not None:
        words += [_word("notify socket", notification.socket), _word("notify tag", notification.tag)]
    return _command(b"U" + options.encode(), *words, *_joined(subcommands))


def look_up(
    options: StreamOptions, key: SessionKey, host: bytes, port: int, *, subcommands: Iterable[bytes] = ()
) -> bytes:
    """Return L: complete the session of a stream with the answer's address."""
    call_id, tags = key.words()
    words = [call_id, _word("address", host), b"%d" % port, *tags]
    return _command(b"L" + options.encode(), *words, *_joined(subcommands))


def delete(key: SessionKey, *, weak: bool = False) -> bytes:
    """Return D. Without a medium it removes all streams of the call-id that either tag belongs to."""
    call_id, tags = key.words()
    return _command(b"Dw" if weak else b"D", call_id, *tags)


def query(key: SessionKey) -> bytes:
    """Return Q, which asks for the counters of one stream."""
    call_id, tags = key.words()
    return _command(b"Q", call_id, *tags)


def play(key: SessionKey, name: bytes, times: int) -> bytes:
    """Return P: the party of the from-tag hears the prompt so many times, in the codec that it has."""
    call_id, tags = key.words()
    return _command(b"P%d" % times, call_id, _word("file", name), b"session", *tags)


def stop_playing(key: SessionKey) -> bytes:
    """Return S: the party of the from-tag hears the other one again."""
    call_id, tags = key.words()
    return _command(b"S", call_id, *tags)


def record(key: SessionKey) -> bytes:
    """Return R: write what the party of the from-tag sends into files, named after the call-id and the tag.

    Raises Untranslatable for a call-id that would be a path: `engines.ids` makes none.
    """
    if b"/" in key.call_id:
        raise Untranslatable("call-id: it has a slash, and would be the path of the recording")
    call_id, tags = key.words()
    return _command(b"R", call_id, *tags)


def copy(key: SessionKey, host: bytes, port: int) -> bytes:
    """Return C: send the packets of the party of the from-tag there, too; RTCP goes to the next port."""
    call_id, tags = key.words()
    return _command(b"C", call_id, b"udp:%s:%d" % (_word("address", host), port), *tags)


def stop_recording(key: SessionKey, *, both: bool = False) -> bytes:
    """Return N: end recordings and copies of the party of the from-tag, or of both."""
    call_id, tags = key.words()
    return _command(b"Na" if both else b"N", call_id, *tags)


def info(*, brief: bool = True) -> bytes:
    """Return I, which asks for the counters of the relay."""
    return b"Ib" if brief else b"I"


def _command(*words: bytes) -> bytes:
    command = b" ".join(words)
    if len(command) > MAX_COMMAND:
        raise Untranslatable(
            f"call-id, from-tag, to-tag: a command of {len(command)} bytes is too long for an rtpproxy"
        )
    return command


def _joined(subcommands: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the words that put subcommands behind a command."""
    for subcommand in subcommands:
        yield b"&&"
        yield from (_word("flags", word) for word in subcommand.split())


def _word(name: str, text: bytes) -> bytes:
    """Return text, if it reaches an rtpproxy as one word."""
    if not text:
        raise Untranslatable(f"{name}: an rtpproxy needs one, and it is empty")
    if not _WORD.fullmatch(text) or text == b"&&":
        raise Untranslatable(f"{name}: {text!r} has bytes that the rtpproxy protocol cannot carry")
    return text


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
