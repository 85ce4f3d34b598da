"""Copies of a call's media on an rtpengine: its subscriptions, which are named by a to-tag of their own.

Source: docs/ng_control_protocol.md there, `subscribe request`, `subscribe answer`, `unsubscribe`; seen with 10.5 and
12.5. The to-tag is the copy-ctx. It is made of the copy's name, so that a copy can be ended whose offer was never
answered; it is no token of SIP (RFC 3261 section 25.1), so that no party has it. It is made of whose media are copied,
too: a request for a subscription that is there adds to what it is subscribed to, and what was subscribed before still
flows; one that has been ended, and is asked for anew with fewer parties, crashes an rtpengine 12.5.1.31 when it is
answered.

With the flag `siprec` each m= line of the SDP has a label, and the reply tells whose stream has which. It changes
nothing else, so that it is always set; labels that nobody wants are taken out. Where only some streams are wanted the
others have port 0 in the SDP, which the recorder then has to keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engines.ng.bencode import NgDict, NgValue
from engines.sdp.lines import SdpError
from engines.sdp.session import Stream, parse
from engines.sdp.switch import switched_off
from events.verb import Verb

_LABEL = re.compile(rb"(?m)^a=label:.*\n")

COPY_VERBS: Mapping[Verb, bytes] = {
    Verb.COPY_OFFER: b"subscribe request",
    Verb.COPY_ANSWER: b"subscribe answer",
    Verb.COPY_DELETE: b"unsubscribe",
}
"""The command for each step of a copy."""


def command(verb: Verb, asked: NgDict) -> NgDict:
    """Return the ng request for an offer or answer of a copy, without call-id."""
    request: NgDict = {b"command": COPY_VERBS[verb]}
    if verb is Verb.COPY_OFFER:
        called = _called(asked)
        return {**request, **({b"to-tag": called} if called else {}), **_sources(asked)}
    return {**request, b"to-tag": asked.get(b"copy-ctx", b""), b"sdp": asked.get(b"sdp", b"")}


def ends(asked: NgDict) -> list[NgDict]:
    """Return the ng requests that end a copy, without call-id: as it was called, and as it was to be called.

    These differ where it was to be changed, and the reply to that was not heard.
    """
    known, wanted = asked.get(b"copy-ctx", b""), _called(asked)
    tags = [known or wanted, *([wanted] if known and wanted and wanted != known else [])]
    return [{b"command": COPY_VERBS[Verb.COPY_DELETE], b"to-tag": tag} for tag in tags]


def _called(asked: NgDict) -> bytes:
    """Return what a copy is called, by its name and by whose media are copied; b"" without a name."""
    name, legs = asked.get(b"copy-name"), asked.get(b"legs")
    if not isinstance(name, bytes):
        return b""
    if isinstance(legs, list) and len(legs) == 1:
        return (b"copy caller:" if legs == [b"caller"] else b"copy callee:") + name
    return (b"copy both:" if _knows_both(asked) else b"copy:") + name


def _knows_both(asked: NgDict) -> bool:
    return bool(asked.get(b"from-tag") and asked.get(b"to-tag"))


def _sources(asked: NgDict) -> NgDict:
    """Return the keys for whose media are copied.

    Both parties are named in the order in which the SDP is to have them: of `all` a 10.5 has the caller first, a 12.5
    the callee. Where a tag is not known, `all` has the party all the same.
    """
    given, legs = asked.get(b"flags"), asked.get(b"legs")
    flags = list(given) if isinstance(given, list) else []
    if b"siprec" not in flags:
        flags.append(b"siprec")
    if isinstance(legs, list) and len(legs) == 1:
        return {b"from-tag": asked[b"from-tag" if legs == [b"caller"] else b"to-tag"], b"flags": flags}
    if _knows_both(asked):
        return {b"from-tags": [asked[b"from-tag"], asked[b"to-tag"]], b"flags": flags}
    return {b"flags": [b"all", *flags]}


def offered(asked: NgDict, reply: NgDict) -> NgDict:
    """Return the reply to `copy_offer`: rtpengine's, and the copy-ctx; whose streams are copied, where it tells.

    In its SDP only the streams that are wanted are live.
    """
    copies = list(_copies(asked, reply))
    numbers = asked.get(b"streams")
    wanted = [copy for copy in copies if not (isinstance(numbers, list) and numbers) or copy[b"stream"] in numbers]
    told: NgDict = {**reply, b"copy-ctx": reply.get(b"to-tag", b"")}
    if copies:
        told[b"streams"] = list[NgValue](wanted)
    body = reply.get(b"sdp")
    if isinstance(body, bytes) and copies:
        told |= _told_apart(body, copies, {copy[b"label"] for copy in wanted})
    labelled = told.get(b"sdp")
    if isinstance(labelled, bytes) and not _wants_labels(asked):
        told[b"sdp"] = _LABEL.sub(b"", labelled)
    return told


def _wants_labels(asked: NgDict) -> bool:
    given = asked.get(b"flags")
    return isinstance(given, list) and b"siprec" in given


def _told_apart(body: bytes, copies: list[NgDict], wanted: set[NgValue]) -> NgDict:
    """Return the SDP with streams switched off, and what is in its m= lines; nothing if it cannot be read.

    Of a copy that was changed a 12.5 has the streams of before, too.
    """
    try:
        sdp = parse(body)
    except SdpError:
        return {}
    labels = [_label(stream) for stream in sdp.streams]
    entries = {copy[b"label"]: b"%s:%d" % (copy[b"leg"], _number(copy[b"stream"])) for copy in copies}
    switched = switched_off(sdp, [n for n, label in enumerate(labels, start=1) if label and label not in wanted])
    return {b"sdp": switched, b"copy-layout": [entries.get(label, b"") for label in labels]}


def _copies(asked: NgDict, reply: NgDict) -> Iterator[NgDict]:
    """Yield the streams that the reply tells of, under the key `tag-medias`."""
    for party in _dictionaries(reply.get(b"tag-medias")):
        leg = b"caller" if party.get(b"tag") == asked.get(b"from-tag") else b"callee"
        for media in _dictionaries(party.get(b"medias")):
            yield {b"leg": leg, b"stream": media.get(b"index", 0), b"label": media.get(b"label", b"")}


def _dictionaries(value: NgValue | None) -> list[NgDict]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: NgValue) -> int:
    return value if isinstance(value, int) else 0


def _label(stream: Stream) -> bytes:
    for line in stream.lines:
        if line.attribute == b"label":
            return line.value.partition(b":")[2].strip()
    return b""
