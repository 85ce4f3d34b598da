from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateways.ng.cache import MAX_WAITING, ReplyCache, RequestInProgress, key_of


def work(key: bytes, began: float = 0.0) -> RequestInProgress:
    return RequestInProgress(key, began, lambda _: None)


def keep(cache: ReplyCache, key: bytes, reply: bytes, now: float) -> None:
    job = work(key, now)
    cache.begin(job)
    assert cache.finish(job, reply, now)


def test_the_same_cookie_is_not_the_same_request() -> None:
    keys = {
        key_of(b"udp 127.0.0.1 1\0", b"1_1 one"),
        key_of(b"udp 127.0.0.1 1\0", b"1_1 two"),
        key_of(b"udp 127.0.0.1 2\0", b"1_1 one"),
        key_of(b"udp 127.0.0.2 1\0", b"1_1 one"),
        key_of(b"tcp 127.0.0.1 1\0", b"1_1 one"),
        key_of(b"udp 127.0.0.1 1\0", b"1_2 one"),
    }
    assert len(keys) == 6
    assert key_of(b"udp 127.0.0.1 1\0", b"1_1 one") in keys


def test_a_request_is_in_work_and_then_has_a_reply() -> None:
    cache = ReplyCache(60)
    job = work(b"k")
    cache.begin(job)
    assert (cache.in_work(b"k"), cache.reply(b"k"), cache.busy) == (job, None, 1)
    assert cache.finish(job, b"reply", 1.0)
    assert (cache.in_work(b"k"), cache.reply(b"k"), cache.busy) == (None, b"reply", 0)


def test_only_the_first_reply_counts() -> None:
    cache = ReplyCache(60)
    job = work(b"k")
    cache.begin(job)
    assert cache.finish(job, b"first", 1.0)
    assert not cache.finish(job, b"second", 2.0)
    assert cache.reply(b"k") == b"first"


def test_replies_are_kept_for_their_time_and_not_much_longer() -> None:
    cache = ReplyCache(60)
    keep(cache, b"k", b"reply", 100.0)
    cache.expire(160.0, 10)
    assert cache.reply(b"k") == b"reply"
    cache.expire(160.1, 10)
    assert cache.reply(b"k") is None
    assert cache.dropped_early == 0


def test_requests_forget_more_than_they_add() -> None:
    cache = ReplyCache(60)
    for number in range(100):
        keep(cache, b"old %d" % number, b"", 0.0)
    for number in range(50):
        keep(cache, b"new %d" % number, b"", 100.0)
    assert cache.kept == 50


def test_a_bounded_number_wait_for_one_request() -> None:
    job = work(b"k")
    added = [job.add(lambda _: None) for _ in range(MAX_WAITING + 5)]
    assert added.count(True) == MAX_WAITING - 1 == len(job.waiting) - 1


def test_the_overdue_are_found_oldest_first() -> None:
    cache = ReplyCache(60)
    jobs = [work(b"%d" % n, float(n)) for n in range(4)]
    for job in jobs:
        cache.begin(job)
    cache.finish(jobs[0], b"", 5.0)
    assert cache.overdue(2.5) == jobs[1:3]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 300), st.floats(0, 30)), max_size=60))
def test_memory_is_bounded(steps: list[tuple[int, int, float]]) -> None:
    cache = ReplyCache(60, max_bytes=2000)
    now = 0.0
    for number, (name, size, passed) in enumerate(steps):
        now += passed
        keep(cache, b"%d %d" % (name, number), bytes(size), now)
        assert sum(len(reply) for reply in cache._kept.values()) <= 2000
        assert len(cache._order) == cache.kept
        if size <= 1500:
            assert cache.reply(b"%d %d" % (name, number)) is not None


def test_replies_that_go_early_are_counted() -> None:
    cache = ReplyCache(60, max_bytes=1000)
    for number in range(4):
        keep(cache, b"%d" % number, bytes(100), 0.0)
    assert (cache.kept, cache.dropped_early) == (2, 2)
