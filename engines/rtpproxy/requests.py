"""What a call wants, as an ng request that the rtpproxy kind performs.

The letters of `type`, of the two interfaces, of the context's flags, of the sender's flags and of the receiver's `peer`
are strung together and read as one text. An interface may have a name, too, as the ng door's `direction`. A `type` of
rtpengine's words ("RTP", "SRTP", "RTP/SAVPF") is the transport, which an rtpproxy cannot change.
"""

from __future__ import annotations

from urllib.parse import quote

from engines.kind import Untranslatable
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import NgDict
from engines.rtpengine.flags import TRANSPORTS, source
from engines.rtpengine.flags import read as read_words
from engines.rtpproxy.flags import OWN_KEY, read
from engines.rtpproxy.translate import interface_letter
from events.verb import DELETE


def request(media: MediaRequest) -> NgDict:
    """Return the ng request, without call-id. Raises Untranslatable for flags that cannot be meant.

    Delete flags mean nothing here: a session is removed as a whole, and at once.
    """
    if media.verb is DELETE:
        return media.names()
    kind = to_bytes(media.type).upper().split()
    is_transport = bool(kind) and all(word in TRANSPORTS for word in kind)
    letters = "" if is_transport else media.type
    letters += _interface(media.in_iface) + _interface(media.out_iface)
    options = read(to_bytes(letters + media.ctx_flags + media.flags + media.peer))
    options |= read_words(b" ".join(kind)) if is_transport else {}
    if media.ip:
        options[b"media-address"] = to_bytes(media.ip)
    if media.received_from:
        options[b"received-from"] = source(to_bytes(media.received_from))
    own = options[OWN_KEY]
    if isinstance(own, dict) and own.keys() & {b"notify", b"dtmf"}:
        options[OWN_KEY] = _with_socket(own, media)
    return {**media.names(), **options}


def _interface(name: str) -> str:
    letter = interface_letter(to_bytes(name))
    if name and not letter:
        raise Untranslatable(f"iface: {name}: an rtpproxy knows an internal and an external one only, i and e")
    return letter


def _with_socket(own: NgDict, media: MediaRequest) -> NgDict:
    """Add where notices go. rtpproxy takes percent signs out of the tag."""
    named = own.get(b"notify")
    added: NgDict = {b"notify": named or to_bytes(media.notify_socket), b"notify-tag": quote(media.notify_tag).encode()}
    if named is None:
        added[b"no-timeouts"] = 1
    return {**own, **added}
