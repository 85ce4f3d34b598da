"""Facts about the journal's Redis."""

from __future__ import annotations

from collections.abc import Sequence

from events.journal import JournalUnavailable
from events.redis.inspection import inspect
from rtp_relay.assembly.journal import url_of
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
            trial=server.trial,
            spoilt=server.spoilt,
        )
        for server in await inspect(url, config.journal.prefix, config.journal.durability.value)
    ]


async def refused_writes(config: Config) -> str:
    """Return why Redis takes no writes now, in its own words; "" if it does, or cannot be asked."""
    url = url_of(config)
    if url is None:
        return ""
    try:
        return refusal_of_any(await redis_facts(config, url))
    except (JournalUnavailable, ValueError):
        return ""


def refusal_of_any(servers: Sequence[RedisFacts]) -> str:
    """Return why the first server that takes no writes does not; "" if all do."""
    return next((server.trial.refusal.why for server in servers if server.trial.refusal is not None), "")
