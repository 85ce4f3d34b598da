from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.actors.simulation import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    world = Cluster()
    yield world
    world.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Failures are the everyday of these tests: what is logged about them would bury a real one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
