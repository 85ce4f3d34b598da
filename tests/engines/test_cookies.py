"""Cookies that cannot collide."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from engines.cookies import CookieSource


def test_cookies_are_words_and_never_the_same() -> None:
    source = CookieSource()
    cookies = [source.next() for _ in range(1000)]
    assert len(set(cookies)) == 1000
    assert all(cookie.replace(b"_", b"").isalnum() for cookie in cookies)


def test_two_sources_share_no_prefix() -> None:
    assert CookieSource().next().split(b"_")[0] != CookieSource().next().split(b"_")[0]


def test_the_prefix_has_96_bits() -> None:
    assert len(bytes.fromhex(CookieSource().next().split(b"_")[0].decode())) == 12


def test_threads_get_different_cookies() -> None:
    source = CookieSource()
    cookies: list[bytes] = []
    threads = [threading.Thread(target=lambda: cookies.extend(source.next() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(cookies)) == 2000


FORKING = """
import os
from engines.cookies import CookieSource

source = CookieSource()
source.next()
child = os.fork()
os.write(1, source.next() + b"\\n")  # in one piece: parent and child write at the same time
if child:
    os.waitpid(child, 0)
    os.write(1, source.next() + b"\\n")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_repeats_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    cookies = ran.stdout.split()
    assert len(set(cookies)) == 3
    assert len({cookie.split("_")[0] for cookie in cookies}) == 2
