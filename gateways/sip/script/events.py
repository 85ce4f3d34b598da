"""The events of a routing script, and the decorators that register functions for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias, TypeVar

from gateways.sip.script.branch_views import Branch, Failure, Local, Reply
from gateways.sip.script.views import Done, Request

OnRequest: TypeAlias = Callable[[Request], Done]
OnBranch: TypeAlias = Callable[[Branch], Done]
OnReply: TypeAlias = Callable[[Reply], Done]
OnFailure: TypeAlias = Callable[[Failure], Done]
OnLocal: TypeAlias = Callable[[Local], Done]

RequestFunction = TypeVar("RequestFunction", bound=OnRequest)
BranchFunction = TypeVar("BranchFunction", bound=OnBranch)
ReplyFunction = TypeVar("ReplyFunction", bound=OnReply)
FailureFunction = TypeVar("FailureFunction", bound=OnFailure)
LocalFunction = TypeVar("LocalFunction", bound=OnLocal)

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Done])

_MARK = "__rtp_relay_events__"


class On(StrEnum):
    """What a function can be registered for."""

    REQUEST = "request"
    BRANCH = "branch"
    REPLY = "reply"
    FAILURE = "failure"
    LOCAL = "local"


def on_request(function: RequestFunction) -> RequestFunction:
    """Register a function for requests that came: it decides about them."""
    return _mark(function, On.REQUEST)


def on_branch(function: BranchFunction) -> BranchFunction:
    """Register a function for each branch of a request, before it leaves."""
    return _mark(function, On.BRANCH)


def on_reply(function: ReplyFunction) -> ReplyFunction:
    """Register a function for each response of a branch, before it goes back."""
    return _mark(function, On.REPLY)


def on_failure(function: FailureFunction) -> FailureFunction:
    """Register a function for requests of which all branches have failed: it may try others."""
    return _mark(function, On.FAILURE)


def on_local(function: LocalFunction) -> LocalFunction:
    """Register a function for requests of our own, before they leave."""
    return _mark(function, On.LOCAL)


def registered(namespace: Mapping[str, object]) -> Iterator[tuple[On, Callable[..., object]]]:
    """Return the functions that are registered in a module's namespace, each once for each of its events."""
    functions = {id(found): found for found in namespace.values() if callable(found)}
    for function in functions.values():
        for event in _events(function):
            yield event, function


# The mark is on the function itself: there is no table of functions that scripts, old and new, would share.
def _mark(function: AnyFunction, event: On) -> AnyFunction:
    setattr(function, _MARK, (*_events(function), event))
    return function


def _events(function: object) -> tuple[On, ...]:
    found = getattr(function, _MARK, ())
    return found if isinstance(found, tuple) else ()
