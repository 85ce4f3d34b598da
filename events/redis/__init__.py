"""The journal in Redis."""

from events.redis.journal import RedisJournal

__all__ = ["RedisJournal"]
