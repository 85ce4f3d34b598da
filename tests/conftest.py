"""What all tests share."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from rtp_relay.compiled import code_in_use
from tests.examples_tried import examples
from tests.peers.peer import Peer
from tests.peers.ports import PortBlock

code_in_use()  # before any module is imported that may be there compiled

# Tests start hundreds of Python programs. Some environments (those of images of containers) keep no compiled modules:
# each of these programs, and each process of pytest, would compile all of ours anew, which takes longer than the rest.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes says what else the machine does.
settings.register_profile("untimed", deadline=None, max_examples=examples(100))
settings.load_profile("untimed")

pytest.register_assert_rewrite(
    "tests.events.journal_contract",
    "tests.events.decisions_contract",
    "tests.events.bulk_contract",
    "tests.events.ended_contract",
    "tests.events.forget_contract",
    "tests.events.tables_contract",
    "tests.events.histories",
)


def pytest_collection_finish() -> None:
    """Leave what all tests need out of each garbage collection: modules and the tests themselves, a million objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    """Return ports that a test takes for itself."""
    block = PortBlock()
    block.reserve()
    yield block
    block.release()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of the peers that fixtures keep running beside a failed test."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {peer.name} {peer.folder.name}", peer.log()) for peer in Peer.alive]
    return report
