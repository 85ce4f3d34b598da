"""What an ng dictionary asks: which command, of which call, by which parties.

Names and texts are rtpengine's (daemon/call_flags.c, daemon/call_interfaces.c there): it knows some keys in several
spellings, and checks some keys itself before it looks for the call. What it would check later is left to the node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from engines.ng.bencode import NgDict, NgValue
from events.names import BranchId, CallId, Tag
from events.verb import BETWEEN_TWO, DELETE, MESH, Verb
from gateways.ng.commands import NgCommand, command_from
from gateways.ng.wellformed import complaint_about

_OURS = frozenset({Verb.STATISTICS, Verb.COPY_OFFER, Verb.COPY_ANSWER, Verb.COPY_DELETE})
PER_CALL: Mapping[str, Verb] = {verb.value: verb for verb in Verb if verb not in _OURS}
"""The commands that are about a call, by their names."""

MAX_NAME = 1024
"""The longest call-id, tag or branch, in bytes."""

MAX_MESHED = 32
"""How many calls one `mesh` may join."""

_SPELLINGS: Final = {
    b"call-ID": b"call-id",
    b"call id": b"call-id",
    b"call ID": b"call-id",
    b"from tag": b"from-tag",
    b"to tag": b"to-tag",
    b"to_tag": b"to-tag",
    b"to call id": b"to-call-id",
}
_OTHER_SPELLINGS = frozenset(_SPELLINGS)
_SDP = (b"sdp", "No SDP body in message")
_CALL_ID = (b"call-id", "No call-id in message")
_FROM_TAG = (b"from-tag", "No from-tag in message")
_TO_TAG = (b"to-tag", "No to-tag in message")
_NEEDED = {
    Verb.OFFER: (_SDP, _CALL_ID, _FROM_TAG),
    Verb.ANSWER: (_SDP, _CALL_ID, _FROM_TAG, _TO_TAG),
    Verb.PUBLISH: (_SDP, _CALL_ID),
    MESH: (),
}
_JOINING = frozenset({Verb.CONNECT, Verb.INJECT_START, Verb.INJECT_STOP})
_OTHER_CALLS = (b"to-call-id", b"source-call-id")
_TO_TAG_FLAGS = frozenset({b"to-tag", b"to tag", b"to_tag"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class RefusedRequest(Exception):
    """The request is refused; the message is the `error-reason`."""


def name_of_command(request: NgDict) -> str:
    """Return the command's name as it stands there. Raises RefusedRequest if there is none."""
    name = request.get(b"command")
    if not isinstance(name, bytes):
        raise RefusedRequest('Dictionary contains no key "command"')
    return name.decode("utf-8", "replace")


def command_of(verb: Verb, request: NgDict, set_name: str, received_at: int, digest: bytes = b"") -> NgCommand:
    """Make the command of a request about a call, for a new call in node set `set_name`.

    `received_at` in ms since the epoch; `digest` of the request as it came. Raises RefusedRequest.
    """
    request = _in_one_spelling(request)
    for key, complaint in _NEEDED.get(verb, (_CALL_ID,)):
        value = request.get(key)
        if not isinstance(value, bytes) or not value:
            raise RefusedRequest(complaint)
    complaint = complaint_about(verb, request)
    if complaint:
        raise RefusedRequest(complaint)
    if verb in _JOINING:
        _check_other_calls(request)
    call_id = _first_of_mesh(request) if verb is MESH else _name(request, b"call-id")
    if not call_id:
        raise RefusedRequest("No call-id in message")
    to_tag = _name(request, b"to-tag")
    if verb in BETWEEN_TWO and request.get(b"from-tag") == request.get(b"to-tag"):
        raise RefusedRequest("Invalid to-tag: the same as the from-tag, where two parties are meant")
    return command_from(
        verb,
        request,
        call_id=CallId(call_id),
        from_tag=Tag(_name(request, b"from-tag")),
        to_tag=Tag("" if verb is DELETE and not _counts_to_tag(request) else to_tag),
        branch=BranchId(_name(request, b"via-branch")),
        received_at=received_at,
        set_name=set_name,
        digest=digest,
    )


def supports_load_limit(request: NgDict) -> bool:
    """Whether the client understands the result `load limit`."""
    return b"load limit" in _words(request.get(b"supports"))


def _in_one_spelling(request: NgDict) -> NgDict:
    return request if _OTHER_SPELLINGS.isdisjoint(request) else _respelled(request)


def _respelled(request: NgDict) -> NgDict:
    plain = {key: value for key, value in request.items() if key not in _SPELLINGS}
    for spelling, key in _SPELLINGS.items():
        if spelling in request:
            plain.setdefault(key, request[spelling])
    return plain


def _counts_to_tag(request: NgDict) -> bool:
    """Whether a delete means its to-tag: it says so by a flag, which may stand in a string of flags too."""
    if not _TO_TAG_FLAGS.isdisjoint(_words(request.get(b"flags"))):
        return True
    unparsed = request.get(b"rtpp-flags")
    return isinstance(unparsed, bytes) and not _TO_TAG_FLAGS.isdisjoint(unparsed.split())


def _words(value: NgValue | None) -> Iterable[bytes]:
    """Return the words of a list of words, or of a single one in its place."""
    if isinstance(value, list):
        return [word for word in value if isinstance(word, bytes)]
    return (value,) if isinstance(value, bytes) else ()


def _check_other_calls(request: NgDict) -> None:
    for key in _OTHER_CALLS:
        if key in request:
            _name(request, key)


def _first_of_mesh(request: NgDict) -> str:
    calls = request.get(b"calls")
    if not isinstance(calls, list) or not calls:
        raise RefusedRequest("Unknown call ID(s)")
    if len(calls) > MAX_MESHED:
        raise RefusedRequest(f"Too many calls: {len(calls)}, where {MAX_MESHED} are allowed")
    names = [_text(b"calls", call) for call in calls]
    return names[0]


def _name(request: NgDict, key: bytes) -> str:
    value = request.get(key)
    if value is None:
        return ""
    if type(value) is bytes and value.isascii() and len(value) <= MAX_NAME:  # as nearly all are
        text = value.decode("ascii")
        if text.isprintable():
            return text
    return _text(key, value)


def _text(key: bytes, value: NgValue) -> str:
    """Read a name: UTF-8 of a bounded length, without control characters, which could forge lines of logs."""
    if not isinstance(value, bytes):
        raise RefusedRequest(f"Invalid {key.decode()}: not a string")
    if len(value) > MAX_NAME:
        raise RefusedRequest(f"Invalid {key.decode()}: longer than {MAX_NAME} bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise RefusedRequest(f"Invalid {key.decode()}: not UTF-8") from None
    if not text.isprintable() and _CONTROL.search(text):
        raise RefusedRequest(f"Invalid {key.decode()}: control characters")
    return text
