"""What a call wants, as an ng request that the MediaProxy kind performs.

Flags are words as an rtpengine has them (`engines.rtpengine.flags`): MediaProxy has no language of its own for them.
Of the words `ICE=remove`, `replace-origin`, `media-address=` and what else `engines.mediaproxy.translate` lists have a
meaning here, and so have `media-relay=` and the other keys of ours.
"""

from __future__ import annotations

from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import NgDict
from engines.rtpengine.flags import read, source
from events.verb import DELETE


def request(media: MediaRequest) -> NgDict:
    """Return the ng request, without call-id. Raises Untranslatable for flags that cannot be meant.

    Delete flags mean nothing here: a session is removed as a whole, and at once.
    """
    if media.verb is DELETE:
        return media.names()
    texts = (media.type.upper(), media.ctx_flags, media.flags, media.peer)
    options = read(b" ".join(map(to_bytes, texts)), (to_bytes(media.in_iface), to_bytes(media.out_iface)))
    if media.ip:
        options[b"media-address"] = to_bytes(media.ip)
    if media.received_from:
        options.setdefault(b"received-from", source(to_bytes(media.received_from)))
    if media.cseq:
        options[b"cseq"] = media.cseq
    return {**options, **media.names()}
