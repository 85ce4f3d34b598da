"""One call: what happened, who said what to whom, how it was at any version, and how its media were."""

from __future__ import annotations

import json

from aiohttp import web

from actors.control.ending import Ending
from events.entry_json import to_document
from events.journal import CorruptEntry
from events.names import CallId
from replay.fold import Inconsistent
from replay.history.past import NotThen
from replay.history.redact import without_keys
from rtp_relay.web.call_view import CallView, Then
from rtp_relay.web.context import context_of, login_of, named_in, page
from rtp_relay.web.forms import Forms, answer_of
from rtp_relay.web.reading import cluster_of
from rtp_relay.web.rendering import in_url

_HOW = {
    Ending.PARTIES: "its parties get a BYE",
    Ending.SESSIONS: "who signals it is not told",
    Ending.RELEASED: "it was quarantined",
}


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/call", _show)
    router.add_get("/call/state", _state)
    router.add_get("/call/download", _download)
    router.add_post("/call/move", _move)
    router.add_post("/call/end", _end)


async def _view(request: web.Request) -> CallView:
    call_id = _call_id(request)
    unreadable = ""
    try:
        entries = await context_of(request).there.control.history(call_id)
    except CorruptEntry as error:
        entries, unreadable = list(error.before), str(error)
    if not entries and not unreadable:
        raise web.HTTPNotFound(text=f"No call is known under {call_id!r}: it may be too long ago.")
    return CallView(call_id, [without_keys(entry) for entry in entries], unreadable)


def _call_id(request: web.Request) -> CallId:
    return CallId(named_in(request, "id"))


async def _show(request: web.Request) -> web.Response:
    view = await _view(request)
    cluster = await cluster_of(context_of(request).there.control)
    against = request.query.get("against", "")
    return page(request, "call.html", view=view, cluster=cluster, then=_then(request, view), against=against)


async def _state(request: web.Request) -> web.Response:
    view = await _view(request)
    return page(request, "part/state.html", view=view, then=_then(request, view))


def _then(request: web.Request, view: CallView) -> Then | None:
    """Return how the call was at the version that is asked for, its last one if none is; None if nobody can tell."""
    version, against = (_version(request, name) for name in ("version", "against"))
    try:
        return view.then(view.last if version is None else version, against)
    except NotThen as error:
        raise web.HTTPNotFound(text=f"{view.call_id!r}: {error}.") from None
    except Inconsistent:
        return None


def _version(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


async def _download(request: web.Request) -> web.Response:
    """Give the call's entries, one a line, without keys."""
    view = await _view(request)
    lines = [json.dumps({"call_id": view.call_id, **to_document(entry)}) for entry in view.entries]
    return web.Response(
        text="\n".join([*lines, ""]),
        content_type="application/jsonl",
        headers={"Content-Disposition": 'attachment; filename="call.jsonl"'},
    )


async def _move(request: web.Request) -> web.Response:
    forms, call_id = await Forms.of(request), _call_id(request)
    node = forms.text("node") or None
    moved = await forms.change("rtp_relay:move", callid=call_id, node=node, reason=forms.reason)
    if moved is not None:
        where = f" to {moved['node']}" if moved.get("node") else ""
        login_of(request).tell(f"The call: {moved['status']}{where}.")
    return answer_of(f"/call?id={in_url(call_id)}")


async def _end(request: web.Request) -> web.Response:
    forms, call_id = await Forms.of(request), _call_id(request)
    ended = await forms.change("rtp_relay:end", callid=call_id)
    if ended is not None:
        login_of(request).tell(f"The call ends: {_HOW[Ending(ended['how'])]}.")
    return answer_of(f"/call?id={in_url(call_id)}")
