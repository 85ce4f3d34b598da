"""The journal as configured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from events.codec import Codec
from events.journal import Journal, JournalMismatch, JournalUnavailable
from events.redis import RedisJournal
from events.secrets import Keyring
from rtp_relay.assembly.errors import UnreachableError, UnusableError, trouble_of, what_ails
from rtp_relay.config import Config, OwnKeys
from rtp_relay.config.journal_url import redacted
from rtp_relay.embedded.redis_server import EmbeddedRedis

log = structlog.get_logger()

TRY_AGAIN = 1.0
"""Seconds between two tries to reach a journal that is waited for."""

TELL_AGAIN = 30.0
"""Seconds after which the log says again what is waited for."""


@asynccontextmanager
async def open_journal(config: Config) -> AsyncIterator[Journal]:
    """Open the journal beside a service that may run, to look at it. Raises JournalUnavailable and JournalMismatch."""
    url = url_of(config)
    if url is None:
        raise JournalUnavailable(f"no embedded Redis runs in {config.service.state_dir}: is the service started?")
    journal = await _open(config, url)
    try:
        yield journal
    finally:
        await journal.close()


def url_of(config: Config) -> str | None:
    """Return where the journal is; None for an embedded one that does not run."""
    if config.journal.url is not None:
        return config.journal.url
    redis = EmbeddedRedis(config.service.state_dir)
    return redis.url if redis.runs() else None


@asynccontextmanager
async def service_journal(
    config: Config, url: str, tell: Callable[[str], None] = lambda _trouble: None
) -> AsyncIterator[Journal]:
    """Open the journal at a url for a service; wait for it as long as is configured. Raises StartError.

    tell: is told what is wrong with it while it is waited for.
    """
    try:
        journal = await _wait_for(config, url, tell)
    except JournalUnavailable as error:
        raise UnreachableError(f"the journal at {redacted(url)} {what_ails(error)}") from error
    except JournalMismatch as error:
        raise UnusableError(f"the journal at {redacted(url)} cannot be used: {error}") from error
    try:
        yield journal
    finally:
        await journal.close()


async def _wait_for(config: Config, url: str, tell: Callable[[str], None]) -> RedisJournal:
    loop = asyncio.get_running_loop()
    deadline, told = loop.time() + config.journal.wait, -TELL_AGAIN
    while True:
        try:
            return await _open(config, url)
        except JournalUnavailable as error:
            tell(trouble_of(error))
            left = deadline - loop.time()
            if left <= 0:
                raise
            if loop.time() - told >= TELL_AGAIN:
                told = loop.time()
                log.warning(
                    "waiting for the journal", url=redacted(url).strip("'"), why=str(error), seconds=round(left)
                )
            await asyncio.sleep(min(left, TRY_AGAIN))


async def _open(config: Config, url: str) -> RedisJournal:
    keys, call_keys = config.journal.encryption_keys, config.journal.call_keys
    try:
        return await RedisJournal.open(
            url,
            prefix=config.journal.prefix,
            durability=config.journal.durability.value,
            retention=config.journal.kept,
            codec=Codec(Keyring(keys) if keys else None, seals_parties=call_keys is OwnKeys.PARTIES),
            call_keys=call_keys is not OwnKeys.OFF,
        )
    except ValueError as error:
        raise JournalMismatch(f"journal.url: {error}") from error
