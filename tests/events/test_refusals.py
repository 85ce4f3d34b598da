"""What errors of Redis mean, by their codes, whatever redis-py makes of their texts."""

from __future__ import annotations

import pytest
from hiredis import Reader
from redis.asyncio.connection import DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError

from events.journal import JournalRefused, JournalUnavailable
from events.redis.refusals import code_of, failure_of

MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details."
)


def answered(text: str) -> Exception:
    reader = Reader(replyError=DefaultParser.parse_error)
    reader.feed(f"-{text}\r\n".encode())
    error = reader.gets()
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("LOADING Redis is loading the dataset in memory", "LOADING", "LOADING Redis is loading the dataset in memory"),
        (
            "READONLY You can't write against a read only replica.",
            "READONLY",
            "READONLY You can't write against a read ",
        ),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", "TRYAGAIN Multiple keys "),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", "CLUSTERDOWN The cluster is down"),
        ("MASTERDOWN Link with MASTER is down", "MASTERDOWN", "MASTERDOWN Link with MASTER is down"),
        ("NOPERM this user has no permissions", "NOPERM", "NOPERM this user has no permissions"),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", "NOREPLICAS Not enough good replicas to write"),
        (
            MISCONF,
            "MISCONF",
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist ",
        ),
        ("ERR unknown command 'GETX'", "", "unknown command 'GETX'"),
        ("ERR The user can't run this script: 0d73ab, on @user_script:3.", "", "The user can't run this"),
        (f"ERR {'x' * 500}", "", "xxxx"),
    ],
)
def test_a_refusal_is_told_in_a_line(text: str, code: str, why: str) -> None:
    error = answered(text)
    assert code_of(error) == code
    failure = failure_of(error)
    assert isinstance(failure, JournalRefused)
    assert str(failure).startswith(f"Redis refuses: {why}")
    assert len(str(failure)) <= 175


def test_no_answer_is_no_refusal() -> None:
    for error in (TimeoutError("no reply in time"), RedisConnectionError("connection lost"), OSError("no route")):
        failure = failure_of(error)
        assert type(failure) is JournalUnavailable
        assert str(failure) == f"Redis cannot be reached: {error}"
