"""What the golden flows share: a stage with a relay of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.golden_flows.stage import Flow, on_stage
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy


@pytest.fixture(params=["rtpengine", "rtpproxy"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Flow]:
    """A relay of each kind in turn, nothing engaged yet."""
    async with on_stage(Rtpengine() if request.param == "rtpengine" else Rtpproxy()) as flow:
        yield flow


@pytest.fixture
async def flow(stage: Flow) -> Flow:
    """The same, the relay engaged for all branches."""
    await stage.call.engage(stage.engine)
    return stage
