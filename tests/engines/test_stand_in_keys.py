"""Session descriptions whose keys were taken out, made whole."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from engines.sdp.stand_in_keys import with_stand_in_keys
from replay.history.redact import REMOVED, redact
from tests.engines.sdp_bodies import ICE

LENGTHS = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "F8_128_HMAC_SHA1_80": 30,
    "AES_192_CM_HMAC_SHA1_80": 38,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}


@pytest.mark.parametrize(("suite", "length"), LENGTHS.items())
def test_each_suite_gets_a_key_of_its_length(suite: str, length: int) -> None:
    line = f"a=crypto:1 {suite} inline:c2VjcmV0\r\n"
    made = with_stand_in_keys(redact(line).encode(), REMOVED.encode()).decode()
    found = re.fullmatch(rf"a=crypto:1 {suite} inline:(\S+)\r\n", made)
    assert found is not None, made
    assert len(b64decode(found[1])) == length


def test_ice_gets_a_password_and_nothing_else_changes() -> None:
    made = with_stand_in_keys(redact(ICE.decode()).encode(), REMOVED.encode())
    assert re.sub(rb"ice-pwd:[0-9a-f]{24}", b"ice-pwd:0123456789012345678901", made) == ICE
    assert with_stand_in_keys(ICE, REMOVED.encode()) == ICE
