from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng import bencode
from gateways.hep.mask import mask

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nm=audio 4000 RTP/SAVP 0\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY/KEY+KEY|2^31|1:1\r\n"
    "a=ice-ufrag:seen\r\na=ice-pwd:KEYKEYKEY\r\na=key-mgmt:mikey KEYKEY\r\nk=base64:KEYKEY\r\n"
    "a=fingerprint:sha-1 AA:BB\r\n"
)


@pytest.mark.parametrize(
    "payload",
    [
        SDP.encode(),
        b"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n" + SDP.encode(),
        SDP.replace("\r\n", "\n").encode(),
        b"1_2 " + bencode.encode({b"sdp": SDP.encode(), b"zz": b"seen too"}),
        b"1_2 " + json.dumps({"sdp": SDP, "zz": "seen too"}).encode(),
        b"1_2 " + json.dumps({"sdp": SDP, "zz": "seen too"}).replace("/", "\\/").encode(),
        SDP.replace("a=crypto:1 ", "A = Crypto: 1 ").encode(),
    ],
)
def test_keys_are_masked_and_nothing_else(payload: bytes) -> None:
    masked = mask(payload)
    assert b"KEY" not in masked
    assert len(masked) == len(payload)
    assert all(seen in masked for seen in (b"AES_CM_128_HMAC_SHA1_80", b"ice-ufrag:seen", b"AA:BB"))
    assert (b"seen too" in masked) is (b"seen too" in payload)


def test_what_has_no_keys_stays_as_it_is() -> None:
    payload = b"BYE sip:a@b SIP/2.0\r\nFrom: <sip:k=1@b>\r\n\r\n"
    assert mask(payload) is payload


@given(st.binary())
def test_whatever_comes_keeps_its_length(payload: bytes) -> None:
    assert len(mask(payload)) == len(payload)
