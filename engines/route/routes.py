"""The user's callables, one for each route that there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any, TypeAlias

from engines.route.parameters import (
    AnswerParameters,
    CopyAnswerParameters,
    CopyDeleteParameters,
    CopyOfferParameters,
    DeleteParameters,
    OfferParameters,
    Route,
)

Returned: TypeAlias = object | Awaitable[object]
"""What a callable returns (`engines.route.returns`), or an awaitable of it for an `async def`."""


class RoutesError(Exception):
    """A name that was asked for is not there, or is not something to call; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The callables; without one the SDP goes through as it is. An `async def` is awaited, others run in a thread."""

    offer: Callable[[OfferParameters], Returned] | None = None
    answer: Callable[[AnswerParameters], Returned] | None = None
    delete: Callable[[DeleteParameters], Returned] | None = None
    copy_offer: Callable[[CopyOfferParameters], Returned] | None = None
    copy_answer: Callable[[CopyAnswerParameters], Returned] | None = None
    copy_delete: Callable[[CopyDeleteParameters], Returned] | None = None

    def of(self, route: Route) -> Callable[[Any], Returned] | None:
        """Return the callable of a route, or None."""
        found: Callable[[Any], Returned] | None = getattr(self, route)
        return found

    @classmethod
    def from_module(
        cls,
        module: ModuleType | Mapping[str, object],
        *,
        route_offer: str = "rtp_relay_offer",
        route_answer: str = "rtp_relay_answer",
        route_delete: str = "rtp_relay_delete",
        route_copy_offer: str = "rtp_relay_copy_offer",
        route_copy_answer: str = "rtp_relay_copy_answer",
        route_copy_delete: str = "rtp_relay_copy_delete",
    ) -> Routes:
        """Collect the callables of these names from a module or its namespace.

        One of a default name may be absent. Raises RoutesError for another name that is absent, and for something that
        cannot be called.
        """
        namespace = vars(module) if isinstance(module, ModuleType) else module
        names = {
            "offer": route_offer,
            "answer": route_answer,
            "delete": route_delete,
            "copy_offer": route_copy_offer,
            "copy_answer": route_copy_answer,
            "copy_delete": route_copy_delete,
        }
        return cls(**{route: _callable(namespace, route, name) for route, name in names.items()})


DEFAULT_NAMES: Mapping[str, str] = {key.name: f"rtp_relay_{key.name}" for key in fields(Routes)}
"""The name that each route's callable has unless another one is asked for."""


def _callable(namespace: Mapping[str, object], route: str, name: str) -> Any:
    found = namespace.get(name)
    if found is None and name == DEFAULT_NAMES[route]:
        return None
    if not callable(found):
        what = "there is none" if found is None else f"it is {type(found).__name__}"
        raise RoutesError(f"route {route}: expected a function {name}, but {what}")
    return found
