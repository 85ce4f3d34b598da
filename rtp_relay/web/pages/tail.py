"""Events of all calls as they are written, by server-sent events (https://html.spec.whatwg.org/#server-sent-events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from rtp_relay.web.context import context_of, page, visitor_of
from rtp_relay.web.feed import Feed, Gap, Item, Viewer
from rtp_relay.web.rendering import in_url

MOST: Final = 50
"""So many look on at most."""

STILL_HERE: Final = 10.0
"""Seconds after which a viewer who has nothing to see hears that the connection is well."""

AGAIN: Final = 2000
"""Milliseconds after which a browser whose connection broke comes back."""


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/tail", _show)
    router.add_get("/tail/events", _events)


async def _show(request: web.Request) -> web.Response:
    text = request.query.get("text", "")
    return page(request, "tail.html", wanted=text, query=f"text={in_url(text)}")


async def _events(request: web.Request) -> web.StreamResponse:
    context = context_of(request)
    journal, feed = context.there.journal, context.feed
    if feed.viewers >= MOST:
        raise web.HTTPServiceUnavailable(text="Too many look on.")
    viewer = Viewer(request.query.get("text", ""))
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    feed.join(journal, viewer, request.headers.get("Last-Event-ID", ""))
    try:
        await answer.prepare(request)
        await answer.write(f"retry: {AGAIN}\n\n".encode())
        await _tell(request, answer, feed, viewer)
    except ConnectionError:
        pass
    finally:
        feed.leave(viewer)
    return answer


async def _tell(request: web.Request, answer: web.StreamResponse, feed: Feed, viewer: Viewer) -> None:
    """Tell what there is until the viewer goes, is logged out, or the page ends."""
    while visitor_of(request) is not None:
        try:
            async with asyncio.timeout(STILL_HERE):
                told = await viewer.next()
        except TimeoutError:
            await answer.write(b": still here\n\n")
            continue
        if not told:
            return
        await answer.write(_written(feed, told))


def _written(feed: Feed, told: Sequence[Item | Gap]) -> bytes:
    return "".join(f"id: {feed.id_of(one)}\n{_event(one)}\n\n" for one in told).encode()


def _event(told: Item | Gap) -> str:
    """Return an event's lines. JSON in ASCII has no end of line in it, whatever others have chosen."""
    if isinstance(told, Gap):
        return f"event: gap\ndata: {json.dumps({'missed': told.missed})}"
    data = {
        "at": told.at,
        "call": told.call_id.encode("utf-8", "backslashreplace").decode(),
        "url": f"/call?id={in_url(told.call_id)}",
        "version": told.version,
        "event": told.title,
        "facts": told.facts,
        "by": told.by,
        "failed": told.failed,
    }
    return f"data: {json.dumps(data)}"
