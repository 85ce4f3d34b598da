"""The journal as configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from events.codec import Codec
from events.journal import Journal, JournalMismatch, JournalUnavailable
from events.redis import RedisJournal
from events.secrets import Keyring
from rtp_relay.assembly.errors import UnreachableError, UnusableError
from rtp_relay.config import Config
from rtp_relay.config.journal_url import redacted
from rtp_relay.embedded_redis import EmbeddedRedis


@asynccontextmanager
async def open_journal(config: Config) -> AsyncIterator[Journal]:
    """Open the journal beside a service that may run, to look at it. Raises JournalUnavailable and JournalMismatch."""
    url = config.journal.url
    if url is None:
        redis = EmbeddedRedis(config.service.state_dir)
        if not redis.runs():
            raise JournalUnavailable(f"no embedded Redis runs in {config.service.state_dir}: is the service started?")
        url = redis.url
    journal = await _open(config, url)
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def service_journal(config: Config, url: str) -> AsyncIterator[Journal]:
    """Open the journal at a url for a service. Raises StartError."""
    try:
        journal = await _open(config, url)
    except JournalUnavailable as error:
        raise UnreachableError(f"the journal at {redacted(url)} cannot be reached: {error}") from error
    except JournalMismatch as error:
        raise UnusableError(f"the journal at {redacted(url)} cannot be used: {error}") from error
    try:
        yield journal
    finally:
        await journal.close()


async def _open(config: Config, url: str) -> RedisJournal:
    keys = config.journal.encryption_keys
    return await RedisJournal.open(
        url,
        prefix=config.journal.prefix,
        durability=config.journal.durability.value,
        retention=config.journal.retention,
        codec=Codec(Keyring(keys) if keys else None),
    )
