"""The tests run the code that they are meant to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import pytest

from rtp_relay.compiled import code_in_use
from tests.rtp_relay.compiled.test_hazards import IN_C, MODULES

WANTED = os.environ.get("RTP_RELAY_TESTED", code_in_use().partition(":")[0])
"""What script/test says is tested: "compiled" or "pure Python"."""

SHOW = "import json, sys\nimport rtp_relay\nfrom importlib import import_module\n\
print(json.dumps([import_module(name).__file__ for name in sys.argv[1:]]))"


def is_as_wanted(file: str | None) -> bool:
    return str(file).endswith((".so", ".pyd")) == (WANTED == "compiled")


def test_it_is_what_script_test_says() -> None:
    assert code_in_use().partition(":")[0] == WANTED


@pytest.mark.parametrize("module", sorted(MODULES | IN_C))
def test_each_listed_module_is_of_that_kind(module: str) -> None:
    assert is_as_wanted(import_module(module).__file__)


def test_a_process_of_its_own_has_the_same() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SHOW, *sorted(MODULES | IN_C)], capture_output=True, text=True, check=True
    )
    assert all(map(is_as_wanted, json.loads(ran.stdout)))
