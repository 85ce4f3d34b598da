"""What a history says of ids on nodes."""

from __future__ import annotations

import pytest

from events.names import NodeName, RelayId
from replay.fold import fold
from replay.reconcile import Standing, settled_sessions, standing
from tests.replay.stories import CALL, STORY

HERE, ID = NodeName("relay-1"), RelayId("call-1")


@pytest.mark.parametrize(
    ("version", "stands", "settled"),
    [
        (0, Standing.UNKNOWN, []),
        (1, Standing.HELD, []),  # intended: the node may have it, or not
        (2, Standing.HELD, [1]),
        (3, Standing.HELD, [1]),
        (6, Standing.HELD, []),  # its removal is under way
        (7, Standing.ENDED, []),
    ],
)
def test_an_id_is_held_from_its_intention_to_its_removal(version: int, stands: Standing, settled: list[int]) -> None:
    state = fold(CALL, STORY[:version])
    assert standing(state, HERE, ID) is stands
    assert [session.number for session in settled_sessions(state)] == settled


def test_an_id_on_another_node_is_held_while_it_lives_and_unknown_after() -> None:
    """One relay may have two names, so that a live session is never an orphan; an ended one is unknown."""
    elsewhere = NodeName("relay-2")
    assert standing(fold(CALL, STORY[:3]), elsewhere, ID) is Standing.HELD
    assert standing(fold(CALL, STORY), elsewhere, ID) is Standing.UNKNOWN
    assert standing(fold(CALL, STORY), HERE, RelayId("call-1#2")) is Standing.UNKNOWN
