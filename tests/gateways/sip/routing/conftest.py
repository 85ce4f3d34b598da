"""Two control nodes, of which the second one goes on with the call of the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events.names import CallId
from tests.actors.simulation import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(relays=1, control_nodes=2)
    cluster.call_ids.add(CallId("c"))
    try:
        yield cluster
    finally:
        cluster.close()
