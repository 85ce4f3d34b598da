"""`/metrics/nodes`: what relay nodes tell of themselves on pages of their own, with the name of each node as a label.

rtpengine has such a page (`listen-http`, path `/metrics`); beside a relay that has none, any exporter will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from actors.control.counters import Sample
from events.errors import error_text
from gateways.http.metrics.exposition import TEXT, render, written
from gateways.http.metrics.federation import Federation
from gateways.http.metrics.shared import SharedPage
from gateways.http.routes import Routes

log = structlog.get_logger()

Pages: TypeAlias = Callable[[], Mapping[str, str]]
"""Returns the URL of each node's page at this time, by the node's name."""

PATIENCE: Final = ClientTimeout(total=4.0)
"""For how long a node's page is waited for. Prometheus itself gives up after 10 s, unless told otherwise."""

LONGEST: Final = 8_000_000
"""Bytes that a node's page may have."""

HEADERS: Final = {"Accept": "text/plain; version=0.0.4", "Accept-Encoding": "identity"}


class NodesPage:
    """The page. All nodes are asked at once, each time; one that does not answer is missing, and said to be."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._shared = SharedPage(self._made)
        self._missing: set[str] = set()

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", "/metrics/nodes", self._answer)

    async def _answer(self, _request: web.BaseRequest) -> web.Response:
        return web.Response(body=await self._shared.get(), headers={"Content-Type": TEXT})

    async def _made(self) -> bytes:
        pages = self._pages()
        if not pages:
            return b"# No node has a page of metrics: see [[nodes]] metrics in the configuration.\n"
        async with ClientSession(timeout=PATIENCE, auto_decompress=False) as session:
            bodies = await asyncio.gather(*(self._fetched(session, *page) for page in pages.items()))
        federation = Federation()
        samples = []
        for node, body in zip(pages, bodies, strict=True):
            samples.append(Sample("node", "metrics_up", int(body is not None), (("node", node),), gauge=True))
            await federation.take(node, body or b"")
        return await render(samples, open_metrics=False) + await written(federation.lines())

    async def _fetched(self, session: ClientSession, node: str, url: str) -> bytes | None:
        """Return a node's page, None if it cannot be had; the log tells of the first time of several."""
        try:
            body = await _page(session, url)
        except (ClientError, OSError, ValueError) as error:
            if node not in self._missing:
                log.warning("no metrics of a node", node=node, why=error_text(error))
            self._missing.add(node)
            return None
        self._missing.discard(node)
        return body


async def _page(session: ClientSession, url: str) -> bytes:
    """Return what is at a URL. Raises ClientError, OSError (also for a timeout) and ValueError."""
    async with session.get(url, headers=HEADERS, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"the status is {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LONGEST:
                raise ValueError(f"the page has more than {LONGEST} bytes")
        return bytes(body)
