"""The rates of the last hour, for the charts of the overview."""

from __future__ import annotations

from aiohttp import web

from rtp_relay.web.context import context_of


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/rates.json", _rates)


async def _rates(request: web.Request) -> web.Response:
    looks = context_of(request).rates.looks
    return web.json_response(
        {
            "at": [look.at / 1000 for look in looks],
            "live": [look.live for look in looks],
            "begun": [round(look.begun, 2) for look in looks],
            "ended": [round(look.ended, 2) for look in looks],
            "failed": [round(look.failed, 2) for look in looks],
        }
    )
