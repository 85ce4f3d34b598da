"""Whether the service lives, and whether it is ready: what orchestrators and load balancers ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from gateways.http.routes import Routes


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that has to be right for the service to be ready. fault: what is wrong, "" if it is right."""

    name: str
    fault: str = ""


Conditions = Callable[[], Sequence[Condition]]
"""Says how everything is at this time; it must be quick."""


class Health:
    """Answers `/healthz`: the event loop turns; and `/readyz`: whether calls can be served."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", "/healthz", self._lives)
        routes.add("GET", "/readyz", self._is_ready)

    async def _lives(self, _request: web.BaseRequest) -> web.Response:
        return _said(200, ["ok"])

    async def _is_ready(self, _request: web.BaseRequest) -> web.Response:
        conditions = self._conditions()
        ready = not any(condition.fault for condition in conditions)
        return _said(200 if ready else 503, ["ready" if ready else "not ready", *map(_line, conditions)])


def _line(condition: Condition) -> str:
    return f"{condition.name}: {condition.fault or 'ok'}"


def _said(status: int, lines: Sequence[str]) -> web.Response:
    return web.Response(
        status=status, text="".join(f"{line}\n" for line in lines), headers={"Cache-Control": "no-store"}
    )
