"""The tests' SRTP keeps to RFC 3711."""

from __future__ import annotations

from tests.peers.srtp import Context

MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139" + "0EC675AD498AFEEBB6960B3AABE6")


def test_session_keys_are_those_of_appendix_b_3() -> None:
    made = Context.of(MASTER)
    assert made.key.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert made.salt.hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert made.auth.hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_what_was_changed_is_not_taken() -> None:
    context, packet = Context.of(MASTER), bytes(12) + b"speech"
    sealed = context.protect(packet)
    assert packet[12:] not in sealed
    assert context.unprotect(sealed) == packet
    assert context.unprotect(sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
