"""Facts about the journal's Redis."""

from __future__ import annotations

from collections.abc import Sequence

from events.redis.inspection import inspect
from rtp_relay.config import Config
from rtp_relay.config.journal_url import redacted
from rtp_relay.doctor.facts import RedisFacts


async def redis_facts(config: Config, url: str) -> Sequence[RedisFacts]:
    """Return what each server says. Raises JournalUnavailable and ValueError."""
    return [
        RedisFacts(
            place=server.place or redacted(url).strip("'"),
            info=server.info,
            settings=server.settings,
            ahead=server.ahead,
            round_trip=server.round_trip,
            journal=server.journal,
            unread=server.unread,
        )
        for server in await inspect(url, config.journal.prefix)
    ]
