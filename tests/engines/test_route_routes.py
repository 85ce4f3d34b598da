"""Taking callables from a module."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from engines.route.parameters import Route
from engines.route.routes import DEFAULT_NAMES, Routes, RoutesError


def function(_: Any) -> None: ...


def test_the_names_are_those_of_the_documentation() -> None:
    namespace = {name: (lambda _, name=name: name) for name in DEFAULT_NAMES.values()}
    routes = Routes.from_module(namespace)
    found = {route: routes.of(route) for route in Route}
    assert {route: function(None) for route, function in found.items() if function} == {
        Route.OFFER: "rtp_relay_offer",
        Route.ANSWER: "rtp_relay_answer",
        Route.DELETE: "rtp_relay_delete",
        Route.COPY_OFFER: "rtp_relay_copy_offer",
        Route.COPY_ANSWER: "rtp_relay_copy_answer",
        Route.COPY_DELETE: "rtp_relay_copy_delete",
    }


def test_other_names_and_absent_ones() -> None:
    module = ModuleType("script")
    vars(module).update(custom=function, rtp_relay_offer=None)
    assert Routes.from_module(module, route_answer="custom") == Routes(answer=function)


@pytest.mark.parametrize("route", DEFAULT_NAMES)
def test_a_name_of_ones_own_must_be_there(route: str) -> None:
    names: dict[str, Any] = {f"route_{route}": "custom"}
    with pytest.raises(RoutesError, match=f"route {route}: expected a function custom, but there is none"):
        Routes.from_module({}, **names)


def test_it_must_be_something_to_call() -> None:
    with pytest.raises(RoutesError, match="route offer: expected a function rtp_relay_offer, but it is int"):
        Routes.from_module({"rtp_relay_offer": 1})
