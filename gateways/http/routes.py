"""Which path is for what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

Answer: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers a request. A response that it has sent itself, such as a WebSocket's, is left as it is."""


class Routes:
    """The paths of the HTTP server, and by which methods each can be asked."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, Answer]] = {}

    def add(self, method: str, path: str, answer: Answer) -> None:
        """Add a route; what can be asked with GET can be with HEAD. Raises ValueError if there is one already."""
        methods = self._answers.setdefault(path, {})
        if method in methods:
            raise ValueError(f"there is a route for {method} {path} already")
        methods[method] = answer
        if method == "GET":
            methods.setdefault("HEAD", answer)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request by its path and method; nothing else than a whole path counts."""
        methods = self._answers.get(request.path)
        if methods is None:
            return web.Response(status=404, text="not found\n")
        answer = methods.get(request.method)
        if answer is None:
            return web.Response(status=405, text="method not allowed\n", headers={"Allow": ", ".join(methods)})
        return await answer(request)
