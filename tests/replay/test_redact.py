from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.history.redact import redact

WHOLE = """v=0\r
o=- 1 1 IN IP4 192.0.2.1\r
k=base64:c2VjcmV0\r
m=audio 4000 RTP/SAVP 0\r
a=ice-ufrag:8hhY\r
a=ice-pwd:asd88fgpdd777uzjYhagZg\r
a=fingerprint:SHA-256 AB:CD\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4\r
a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAAAA\r
"""


def test_the_keys_are_gone_and_all_lines_are_there() -> None:
    assert redact(WHOLE).split("\r\n") == [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "k=base64:(removed)",
        "m=audio 4000 RTP/SAVP 0",
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:(removed)",
        "a=fingerprint:SHA-256 AB:CD",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 (removed)",
        "a=key-mgmt:mikey (removed)",
        "",
    ]


SECRET = "c2VjcmV0IGtleQ"


@pytest.mark.parametrize(
    "line",
    [
        f"a=crypto:{SECRET}",
        f"a=crypto:1 {SECRET}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80  inline:{SECRET}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80\tinline:{SECRET}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 other:{SECRET} inline:x",
        f"a=crypto: 1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}",
        f"A=CRYPTO:1 AES_CM_128_HMAC_SHA1_80 INLINE:{SECRET}",
        f" a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}",
        f"a = crypto : 1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}",
        f"a=ice-pwd: {SECRET}",
        f"k={SECRET}",
        f"k=clear:{SECRET}",
        f"a=key-mgmt:{SECRET}",
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n", ""])
def test_no_spelling_of_a_key_comes_through(line: str, end: str) -> None:
    assert SECRET not in redact(f"v=0{end or chr(10)}{line}{end}")


@given(st.text(alphabet="abkm=:1 \r\n-", max_size=60))
def test_nothing_but_keys_is_changed(text: str) -> None:
    assert redact(text) == text or "k" in text


@pytest.mark.parametrize("line", ["a=fmtp:96 k=1;key=2", "a=x-crypto:1 A inline:x", "i=a=ice-pwd:x", "a=crypto", "k="])
def test_what_only_looks_like_a_key_stays(line: str) -> None:
    assert redact(f"v=0\r\n{line}\r\n") == f"v=0\r\n{line}\r\n"
