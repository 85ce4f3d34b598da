"""How all is: calls, rates, nodes, control nodes, work that is due, moves that go on."""

from __future__ import annotations

from aiohttp import web

from rtp_relay.web.context import context_of, page
from rtp_relay.web.reading import cluster_of


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/", _show)
    router.add_get("/overview", _part)


async def _show(request: web.Request) -> web.Response:
    return await _overview(request, "overview.html")


async def _part(request: web.Request) -> web.Response:
    return await _overview(request, "part/overview.html")


async def _overview(request: web.Request, template: str) -> web.Response:
    context = context_of(request)
    control = context.there.control
    cluster = await cluster_of(control)
    jobs = await control.bulk.going_on()
    rates = context.rates
    return page(request, template, cluster=cluster, lately=rates.lately, look=rates.last, due=rates.due, jobs=jobs)
