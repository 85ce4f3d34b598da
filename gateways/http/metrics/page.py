"""`/metrics`: the counters of the whole service, in the form that the client asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from aiohttp import web

from gateways.http.metrics.exposition import OPEN_METRICS, TEXT
from gateways.http.metrics.shared import SharedPage
from gateways.http.routes import Routes

Render: TypeAlias = Callable[[bool], Awaitable[bytes]]
"""Makes the document, as OpenMetrics if true. Raises OSError or TimeoutError if the numbers cannot be had."""


class MetricsPage:
    """The page, in both forms."""

    def __init__(self, render: Render) -> None:
        self._pages = {form: SharedPage(partial(render, form)) for form in (False, True)}

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", "/metrics", self._answer)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        open_metrics = wants_open_metrics(request.headers.get("Accept", ""))
        try:
            body = await self._pages[open_metrics].get()
        except (OSError, TimeoutError):
            return web.Response(status=503, text="the counters of all workers cannot be had now\n")
        return web.Response(body=body, headers={"Content-Type": OPEN_METRICS if open_metrics else TEXT})


def wants_open_metrics(accept: str) -> bool:
    """Return whether an Accept header (RFC 9110 12.5.1) prefers OpenMetrics to plain text."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0, "*/*": 0.0}
    for each in accept.split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if kind in best:
            best[kind] = max(best[kind], _quality(parameters))
    return best["application/openmetrics-text"] > max(0.0, best["text/plain"] - 1e-9)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, number = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(number)
            except ValueError:
                return 0.0
    return 1.0
