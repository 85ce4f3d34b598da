"""`rtp_relay` gives its public names, and keeps a program that does not use them quick."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
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
    assert printed.stdout == "['rtp_relay.compiled', 'rtp_relay.parts']\n"


def test_a_part_has_the_name_that_it_has_in_an_installation_too() -> None:
    program = (
        "import rtp_relay.events.redis.keys as there\n"
        "from rtp_relay.events import names\n"
        "import events.redis.keys as here, events.names, rtp_relay\n"
        "assert there is here and names is events.names and rtp_relay.events is events\n"
        "assert here.__spec__.name == here.__name__ == 'events.redis.keys'\n"
        "from importlib.resources import files; print(files('rtp_relay.events.redis').joinpath('append.lua').is_file())"
    )
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == "True\n"


@pytest.mark.parametrize("name", ["rtp_relay.json", "rtp_relay.events.nothing", "rtp_relay.nothing"])
def test_what_is_no_part_is_not_found(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name):
        import_module(name)
