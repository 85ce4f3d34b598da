"""Entries of all times are read as what they were."""

from __future__ import annotations

import pytest

from events.codec import Codec
from events.names import CallId
from events.secrets import Keyring
from tests.events.golden import CALL, KEY, SAMPLES, TYPES, Golden, load


@pytest.mark.parametrize("entry", load(), ids=lambda entry: f"{entry.event} {entry.schema} {entry.encrypted}")
def test_an_entry_is_read_exactly(entry: Golden) -> None:
    codec = Codec(Keyring([KEY]), types=TYPES)
    assert codec.decode(CallId(CALL), entry.event.encode(), entry.payload, entry.version) == entry.expected


def test_each_schema_of_each_event_type_has_golden_entries() -> None:
    wanted = {
        (kind.name, schema, encrypted)
        for kind in TYPES
        for schema in range(1, kind.schema + 1)
        for encrypted in (False, True)
    }
    assert {(entry.event, entry.schema, entry.encrypted) for entry in load()} == wanted


def test_each_event_type_has_a_sample() -> None:
    assert {type(event) for event in SAMPLES} == set(TYPES)
