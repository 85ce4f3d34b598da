"""`rtp_relay` gives its public names, and keeps a program that does not use them quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rtp_relay

ROOT = Path(__file__).parents[2]


def test_all_public_names_are_there() -> None:
    assert {name for name in rtp_relay.__all__ if getattr(rtp_relay, name) is None} == set()
    assert set(rtp_relay._HOMES) == set(rtp_relay.__all__)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'open_really'"):
        getattr(rtp_relay, "open_really")  # noqa: B009 - mypy knows that it is not there


def test_the_package_alone_imports_nothing_of_the_service_but_what_decides_which_code_runs() -> None:
    program = (
        "import rtp_relay, sys; print([m for m in sys.modules if m.startswith(('actors', 'redis', 'rtp_relay.'))])"
    )
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == "['rtp_relay.compiled']\n"
