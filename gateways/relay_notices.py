"""What an rtpengine tells unasked: of calls without media by XML-RPC (its `b2b-url`), of keys by datagrams of JSON.

Calls are named as the relay knows them: by the ids of their sessions there (engines.ids). No I/O.
"""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Sequence
from xml.parsers.expat import ExpatError

from actors.control.happenings import DigitHappening
from engines.ids import call_id_of
from events.names import CallId, RelayId

MAX_NAME = 1024
"""Characters of a name, at most."""

_METHODS = frozenset({"teardown", "dlg.terminate_dlg"})
"""Of rtpengine's xmlrpc-format 1 and 2; that of 0 names no call."""

_LAST_CODE = 16
"""The codes of keys are 0 to 16 (RFC 4733 3.2); what else there is are tones."""

_DONE = xmlrpc.client.dumps(("OK",), methodresponse=True).encode()


class NotUnderstood(Exception):
    """A notice that says nothing that is understood."""


def silent_session(body: bytes) -> tuple[CallId, RelayId]:
    """Return the call whose session has no media, by an XML-RPC request, and its name on the node.

    Raises NotUnderstood.
    """
    try:
        params, method = xmlrpc.client.loads(body)
    except (ExpatError, ValueError, xmlrpc.client.Error, AttributeError, LookupError) as error:
        raise NotUnderstood("no request of XML-RPC") from error
    if method not in _METHODS or not params or not isinstance(params[0], str):
        raise NotUnderstood(f"method {str(method)[:40]!r}: is xmlrpc-format 1 or 2?")
    return _call_of(params[0])


def answer_to(error: NotUnderstood | None) -> bytes:
    """Return the XML-RPC response to a request, with a fault for what was not understood."""
    if error is None:
        return _DONE
    return xmlrpc.client.dumps(xmlrpc.client.Fault(400, str(error)), methodresponse=True).encode()


def pressed_key(datagram: bytes, *, shown: bool) -> DigitHappening:
    """Return what a datagram tells of a key. shown: whether it is to say which. Raises NotUnderstood."""
    try:
        match json.loads(datagram):
            case {"type": "DTMF", "callid": str(name), "source_tag": str(party), "event": int(code), **rest}:
                pass
            case _:
                raise NotUnderstood("not a notice of DTMF")
    except ValueError as error:
        raise NotUnderstood("no JSON") from error
    if not 0 <= code <= _LAST_CODE:
        raise NotUnderstood(f"code {code} is no key's")
    call_id, _ = _call_of(name)
    return DigitHappening(
        call_id=call_id,
        party=party[:MAX_NAME],
        parties=_texts(rest.get("tags")),
        code=code if shown else None,
        duration=_number(rest.get("duration")),
        volume=_number(rest.get("volume")),
        at=_number(rest.get("timestamp")),
        source=str(rest.get("source_ip", ""))[:MAX_NAME],
    )


def _call_of(name: str) -> tuple[CallId, RelayId]:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise NotUnderstood("no name of a call")
    try:
        return CallId(call_id_of(RelayId(name))), RelayId(name)
    except ValueError:
        raise NotUnderstood("a call that is not of here") from None


def _texts(value: object) -> tuple[str, ...]:
    items: Sequence[object] = value if isinstance(value, list) else ()
    return tuple(item[:MAX_NAME] for item in items[:32] if isinstance(item, str))


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0
