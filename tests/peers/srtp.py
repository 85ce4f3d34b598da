"""A party whose media are encrypted: SRTP (RFC 3711) with keys in the SDP (RFC 4568)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tests.peers.datagram import Address
from tests.peers.rtp import RtpEndpoint

SUITE = "AES_CM_128_HMAC_SHA1_80"
_KEY, _SALT, _AUTH, _TAG, _HEAD = 16, 14, 20, 10, 12
_CRYPTO = re.compile(rf"^a=crypto:\d+ {SUITE} inline:([A-Za-z0-9+/]+=*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Context:
    """The session keys of one direction (RFC 3711 4.3): for so few packets that the rollover counter stays 0."""

    key: bytes
    auth: bytes
    salt: bytes

    @classmethod
    def of(cls, master: bytes) -> Context:
        """Derive them from the master key and salt, 30 octets."""
        key, salt = master[:_KEY], int.from_bytes(master[_KEY:])
        cipher, auth, salting = (
            _keystream(key, (salt ^ (label << 48)) << 16, length) for label, length in enumerate((_KEY, _AUTH, _SALT))
        )
        return cls(cipher, auth, salting)

    def protect(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTP packet without extensions."""
        sealed = self._ciphered(packet)
        return sealed + self._tag(sealed)

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return the RTP packet, None if it was not signed with this key."""
        sealed, tag = packet[:-_TAG], packet[-_TAG:]
        return self._ciphered(sealed) if hmac.compare_digest(tag, self._tag(sealed)) else None

    def _ciphered(self, packet: bytes) -> bytes:
        _, _, sequence, _, ssrc = struct.unpack_from("!BBHII", packet)
        start = (int.from_bytes(self.salt) << 16) ^ (ssrc << 64) ^ (sequence << 16)
        stream = _keystream(self.key, start, len(packet) - _HEAD)
        return packet[:_HEAD] + bytes(one ^ other for one, other in zip(packet[_HEAD:], stream, strict=True))

    def _tag(self, sealed: bytes) -> bytes:
        return hmac.digest(self.auth, sealed + bytes(4), hashlib.sha1)[:_TAG]


def _keystream(key: bytes, start: int, length: int) -> bytes:
    encryptor = Cipher(AES(key), CTR(start.to_bytes(16))).encryptor()
    return encryptor.update(bytes(length))


class SrtpEndpoint(RtpEndpoint):
    """An endpoint that sends SRTP, and takes nothing else: `packets` are those that `hears_with` could decrypt."""

    def __init__(self) -> None:
        super().__init__()
        self._master = secrets.token_bytes(_KEY + _SALT)
        self._sending = Context.of(self._master)
        self._receiving: Context | None = None

    def sdp(self, version: int = 1) -> str:
        """Return the SDP that invites encrypted media to here."""
        key = base64.b64encode(self._master).decode()
        return super().sdp(version).replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:1 {SUITE} inline:{key}\r\n"

    def hears_with(self, sdp: bytes) -> None:
        """Take the peer's key from its SDP."""
        found = _CRYPTO.search(sdp.decode())
        assert found, sdp
        self._receiving = Context.of(base64.b64decode(found[1]))

    def send(self, data: bytes, target: Address) -> None:
        """Send one packet, encrypted."""
        super().send(self._sending.protect(data), target)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Queue what was encrypted with the peer's key."""
        packet = self._receiving.unprotect(data) if self._receiving else None
        if packet is not None:
            super().datagram_received(packet, addr)
