"""What a call wants, as a request to an rtpengine.

`type` is one or more of the words for transports, upper or lower case: "SRTP" is RTP/SAVP, "SRTP AVPF" or "RTP/SAVPF"
is RTP/SAVPF, "RTP" is RTP/AVP, as in the flags. Another word in it is a flag. `ip` is the `media-address`, the two
interfaces are the `direction`, the message's source is `received-from`, unless the flags say otherwise.
"""

from __future__ import annotations

from functools import lru_cache

from engines.kind import Untranslatable
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import NgDict
from engines.rtpengine.flags import TRANSPORTS, read, shown, source
from events.verb import DELETE


def request(media: MediaRequest) -> NgDict:
    """Return the ng request, without call-id. Raises Untranslatable for flags that cannot be meant."""
    if media.verb is DELETE:
        return _delete(media)
    texts, interfaces = (media.ctx_flags, media.flags, media.peer), (media.in_iface, media.out_iface)
    options = dict(_options(media.type, texts, interfaces))
    _agree(options, b"via-branch", media.branch)
    _agree(options, b"media-address", media.ip)
    _add_source(options, media)
    return {**media.names(), **options}


@lru_cache(maxsize=256)  # by the settings, which are alike in most calls
def _options(kind: str, flags: tuple[str, ...], interfaces: tuple[str, str]) -> NgDict:
    """Return the keys that the settings of an offer or answer ask for; to be copied, not changed."""
    sender, receiver = map(to_bytes, interfaces)
    return read(b" ".join((_transport(kind), *map(to_bytes, flags))), (sender, receiver))


def _delete(media: MediaRequest) -> NgDict:
    """Delete a branch by its name; without a name the whole call, which is what a delete without tags does.

    The word `to-tag` narrows it to what the two tags name. rtpengine (call_delete_branch) looks at a branch only if
    there is a from-tag, and no to-tag.
    """
    options = read(b" ".join((to_bytes(media.ctx_delete), to_bytes(media.delete))))
    _agree(options, b"via-branch", media.branch)
    _add_source(options, media)
    names = media.names()
    flags = options.get(b"flags")
    if not (isinstance(flags, list) and b"to-tag" in flags):
        names.pop(b"to-tag", None)
        if b"via-branch" not in options:
            del names[b"from-tag"]
    return {**names, **options}


def _add_source(options: NgDict, media: MediaRequest) -> None:
    if media.received_from:
        options.setdefault(b"received-from", source(to_bytes(media.received_from)))


def _agree(options: NgDict, key: bytes, text: str) -> None:
    """Set a key that the flags may have, too."""
    if text and options.setdefault(key, to_bytes(text)) != to_bytes(text):
        raise Untranslatable(f"flags: {shown(key)} is not {text}, which the call says; leave it out of the flags")


def _transport(kind: str) -> bytes:
    """Return the words of a type, those for transports as the flags have them."""
    words = to_bytes(kind).split()
    return b" ".join(word.upper() if word.upper() in TRANSPORTS else word for word in words)
