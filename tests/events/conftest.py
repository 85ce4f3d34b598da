"""What the tests of events share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.events.journal_contract",
    "tests.events.decisions_contract",
    "tests.events.bulk_contract",
    "tests.events.histories",
)
