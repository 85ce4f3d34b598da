from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp_relay.assembly.embedded_nodes import LEAST_PORTS, grounds, shares
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.state_dir import locked
from rtp_relay.config import PortRange, parse

CONFIGURED = """
[journal]
url = "redis://127.0.0.1:6379"
[[nodes]]
name = "relay-1"
engine = "rtpproxy"
url = "udp:127.0.0.1:22222"
"""


def test_shares_of_the_default() -> None:
    assert shares(PortRange(35000, 36999), 2) == [PortRange(35000, 35999), PortRange(36000, 36999)]


@given(first=st.integers(1, 60000), length=st.integers(1, 5000), count=st.integers(1, 20))
def test_shares_are_apart_equal_and_begin_with_even_ports(first: int, length: int, count: int) -> None:
    whole = PortRange(first, first + length)
    try:
        made = shares(whole, count)
    except StartError:
        assert (len(whole) - 1) // count < LEAST_PORTS + 1
        return
    assert len(made) == count
    assert {len(share) for share in made} == {len(made[0])}
    assert all(share.first % 2 == 0 for share in made)
    assert made[0].first >= whole.first
    assert made[-1].last <= whole.last
    assert all(one.last < other.first for one, other in itertools.pairwise(made))


async def test_nothing_is_embedded_where_all_is_configured(tmp_path: Path) -> None:
    config = parse(f'[service]\nstate_dir = "{tmp_path}/state"{CONFIGURED}', tmp_path / "c.toml")
    async with grounds(config) as made:
        assert (made.journal_url, made.nodes) == ("redis://127.0.0.1:6379", config.nodes)
    assert not (tmp_path / "state").exists()


def test_a_state_directory_is_made_and_locked(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "state"
    with locked(place):
        assert place.stat().st_mode & 0o777 == 0o700
        with (
            pytest.raises(StartError, match=r"another service \(process \d+\) uses the state directory"),
            locked(place),
        ):
            pass
    with locked(place):
        pass


@pytest.mark.parametrize("spoil", [lambda place: place.touch(), lambda place: (place / "lock").mkdir(parents=True)])
def test_a_state_directory_that_cannot_be_one(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    place = tmp_path / "state"
    spoil(place)
    with pytest.raises(StartError, match=f"the state directory {place} cannot be used"), locked(place):
        pass
