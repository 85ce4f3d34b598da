"""The methods of OpenSIPS' event interface: `event_subscribe`, `events_list` and `subscribers_list`."""

from __future__ import annotations

from collections.abc import Sequence

from gateways.mi.jsonrpc import Json, MiError, invalid_params
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.notifier import Notifier
from gateways.mi.parameters import Arguments, Parameter, as_number
from gateways.mi.subscriptions import Subscriber, TooMany, subscriber_at

EXPIRE = 3600
"""Seconds for which a subscription holds if nobody says for how long."""

LONGEST = 365 * 86400

EVENT, SOCKET = Parameter("event"), Parameter("socket")


class EventMethods:
    """Subscriptions to what the notifier tells."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        expire = Parameter("expire", as_number, optional=True)
        methods.add(
            Method(
                "event_subscribe",
                "Subscribes a socket to an event, for so many seconds; 0 ends it.",
                self._subscribe,
                ((EVENT, SOCKET, expire),),
                changes=always,
            ),
            Method("events_list", "Lists the events.", self._events),
            Method(
                "subscribers_list",
                "Lists who has subscribed, to all events or to one.",
                self._subscribers,
                ((), (EVENT,), (EVENT, SOCKET)),
            ),
        )

    async def _subscribe(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        expire: int = given.get("expire", EXPIRE)
        if expire < 0:
            raise invalid_params("Negative expire value")
        if given["event"] not in self._notifier.subscriptions.events:
            raise MiError(400, "Bad parameter value", f"there is no event {given['event']!r}; see events_list")
        try:
            self._notifier.subscribe(given["event"], _subscriber(given["socket"]), min(expire, LONGEST))
        except TooMany:
            raise MiError(500, "Too many subscribers", f"no more can subscribe to {given['event']}") from None
        return OK

    async def _events(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        events = self._notifier.subscriptions.events
        return {"Events": [{"name": event, "id": number} for number, event in enumerate(events)]}

    async def _subscribers(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        subscriptions, now = self._notifier.subscriptions, self._notifier.now()
        event = given.get("event")
        if event is None:
            return {"Events": [self._row(name, found) for name, found in subscriptions.all(now)]}
        if event not in subscriptions.events:
            raise MiError(404, "Event not published", f"there is no event {event!r}; see events_list")
        found = subscriptions.of(event, now)
        if "socket" not in given:
            return {"Event": self._row(event, found)} if found else {"Event": {}}
        one = [each for each in found if each[0] == _subscriber(given["socket"])]
        if not one:
            raise MiError(404, "Subscriber does not exist", f"{given['socket']!r} has not subscribed to {event}")
        return {"Event": self._named(event) | {"Subscriber": _shown(*one[0])}}

    def _row(self, event: str, found: Sequence[tuple[Subscriber, int]]) -> Json:
        return self._named(event) | {"Subscribers": [_shown(*each) for each in found]}

    def _named(self, event: str) -> dict[str, Json]:
        return {"name": event, "id": self._notifier.subscriptions.events.index(event)}


def _subscriber(given: str) -> Subscriber:
    try:
        return subscriber_at(given)
    except ValueError as error:
        raise MiError(400, "Bad parameter value", str(error)) from None


def _shown(subscriber: Subscriber, expire: int) -> Json:
    return {"socket": subscriber.socket, "expire": expire}
