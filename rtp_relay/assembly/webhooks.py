"""Webhooks as configured."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

from actors.control.control import Control
from actors.observers import Observers
from events.journal import Journal
from events.retention import DAY
from gateways.webhooks.counters import WebhookCounters
from gateways.webhooks.poster import Poster
from gateways.webhooks.sender import Sender
from rtp_relay.assembly.background import Background
from rtp_relay.config.events import EventsConfig

UNSENT = DAY
"""Seconds for which an outbox is kept from when its newest message is too old to be sent again.

Each is sent once at least, but for receivers that are configured no more: it may wait behind others, or for a start.
"""


@asynccontextmanager
async def sending_webhooks(
    config: EventsConfig, name: str, journal: Journal, control: Control, observers: Observers
) -> AsyncIterator[Poster | None]:
    """Tell the configured receivers what is journalled here while the block runs; give what takes further messages.

    `name` is that of the control node; each of its processes sends for itself.
    """
    if not config.webhook:
        yield None
        return
    counters = WebhookCounters()
    senders = [
        Sender(
            url,
            _box_of(url),
            journal,
            holder=f"{name}/{os.getpid()}",
            secrets=config.webhook_secrets,
            give_up_after=config.webhook_give_up_after,
            counters=counters,
        )
        for url in config.webhook
    ]

    def hurry() -> None:
        for sender in senders:
            sender.hurry()

    outboxes = [journal.outbox(_box_of(url)) for url in config.webhook]
    poster = Poster(
        outboxes,
        frozenset(config.webhook_events),
        counters,
        hurry,
        keep=config.webhook_give_up_after + UNSENT,
        shown=control.numbers.entry,
    )
    background = Background()
    background.run("webhooks to the outboxes", poster.run())
    for sender in senders:
        background.run("webhooks to a receiver", sender.run())
    control.count_with(counters)
    observers.add(poster.observe)
    try:
        yield poster
    finally:
        observers.remove(poster.observe)
        await background.close()


def _box_of(url: str) -> str:
    """Return the name of a receiver's outbox; its URL may be secret."""
    return f"webhook:{blake2b(url.encode(), digest_size=8).hexdigest()}"
