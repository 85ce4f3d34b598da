"""What a worker is to be, as it is told: in one version of the program alone."""

from __future__ import annotations

import io
import pickle
from dataclasses import make_dataclass, replace

import pytest

from rtp_relay.config import Config, SocketAddress
from rtp_relay.workers import assigning
from rtp_relay.workers.assigning import Replaced
from rtp_relay.workers.messages import Assignment

CONFIG = Config()
ASSIGNMENT = Assignment(
    replace(CONFIG, ng=replace(CONFIG.ng, listen=(SocketAddress("udp", "127.0.0.1", 2223),))), 2, 3, is_new=True
)


def written() -> bytes:
    file = io.BytesIO()
    assigning.write(ASSIGNMENT, file)
    return file.getvalue()


def test_it_is_read_as_it_was_written() -> None:
    assert assigning.read(io.BytesIO(written())) == ASSIGNMENT


def test_another_version_takes_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assigning, "__version__", "0.0.9")
    old = written()
    monkeypatch.undo()
    with pytest.raises(Replaced, match="restart the service"):
        assigning.read(io.BytesIO(old))


def test_a_program_whose_settings_are_others_takes_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    old = written()
    other = make_dataclass("SocketAddress", ["transport", "port", "host"], frozen=True, slots=True)
    other.__module__ = SocketAddress.__module__
    monkeypatch.setattr(f"{SocketAddress.__module__}.SocketAddress", other)
    with pytest.raises(Replaced):
        assigning.read(io.BytesIO(old))


@pytest.mark.parametrize("old", [pickle.dumps(ASSIGNMENT), b"", b"\x80", pickle.dumps(1) + pickle.dumps(2)])
def test_what_was_written_in_another_way_is_not_taken(old: bytes) -> None:
    with pytest.raises(Replaced):
        assigning.read(io.BytesIO(old))
