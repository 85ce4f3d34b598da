"""What kinds of relay have in common whose nodes know no branches: a session goes by its id and tags, as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from engines.kind import Operation, Untranslatable
from engines.media_request import to_bytes
from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from engines.rtpproxy.words import words_of
from events.names import RelayId, Tag
from events.verb import Verb


def operation_on(verb: Verb, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
    """Build an operation on the session of this id and these tags; one that is empty is left out."""
    names = {b"call-id": relay_id, b"from-tag": from_tag, b"to-tag": to_tag}
    request: NgDict = {key: to_bytes(name) for key, name in names.items() if name}
    return Operation(verb=verb, relay_id=relay_id, request=NodeRequest({b"command": verb.encode(), **request}))


def tags_in(operation: Operation) -> tuple[bytes, bytes]:
    """Return the from-tag and the to-tag, empty where there is none. Raises Untranslatable for what is no tag."""
    words = operation.request.words
    from_tag, to_tag = words.get(b"from-tag", b""), words.get(b"to-tag", b"")
    if not isinstance(from_tag, bytes) or not isinstance(to_tag, bytes):
        raise Untranslatable("from-tag, to-tag: not strings")
    return from_tag, to_tag


def names_part(options: Mapping[bytes, NgValue]) -> bool:
    """Whether a delete (its request as `words.normalised` has it) names a part of a session: a branch or a party."""
    return b"via-branch" in options or b"to-tag" in words_of(options, b"flags")
