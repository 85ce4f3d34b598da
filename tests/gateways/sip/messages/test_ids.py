"""Branches say which worker made them."""

from __future__ import annotations

import pytest

from gateways.handoff.calls import top_branch
from gateways.sip.messages import ids
from gateways.sip.messages.ids import mark_branches, new_branch, number_of, numbered_branch, worker_of


@pytest.fixture(autouse=True)
def _unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids._Worker, "mark", "")


def test_a_process_without_workers_makes_branches_of_nobody() -> None:
    assert worker_of(new_branch().encode()) is None


@pytest.mark.parametrize("worker", [1, 9, 64])
def test_the_worker_of_a_branch_is_found_in_a_response(worker: int) -> None:
    mark_branches(worker)
    via = f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch={new_branch()}.0123456789abcdef\r\n"
    assert worker_of(top_branch(via.encode())) == worker


@pytest.mark.parametrize("worker", [None, 64])
@pytest.mark.parametrize("number", [0, 7, 120])
def test_the_number_of_a_fork_is_found_in_its_branch_beside_the_worker(worker: int | None, number: int) -> None:
    if worker is not None:
        mark_branches(worker)
    branch = f"{numbered_branch(number)}.0123456789abcdef"
    assert (number_of(branch), worker_of(branch.encode())) == (number, worker)


def test_other_branches_have_no_number() -> None:
    assert [number_of(branch) for branch in ("", "z9hG4bK.1.x", f"{new_branch()}.0123456789abcdef")] == [None] * 3


@pytest.mark.parametrize("branch", [b"", b"z9hG4bK", b"z9hG4bKw1", b"z9hG4bK" + b"0" * 24 + b"w1x", b"w1"])
def test_branches_of_others(branch: bytes) -> None:
    assert worker_of(branch) is None
