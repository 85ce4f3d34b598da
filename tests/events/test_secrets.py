"""Keys and what they seal."""

from __future__ import annotations

import pytest

from events.secrets import Keyring, SecretError, generate_key, key_id

OLD, NEW = bytes(16), bytes(range(32))


def test_the_first_key_seals_and_all_open() -> None:
    old = Keyring([OLD]).seal(b"secret", b"place")
    both = Keyring([NEW, OLD])
    new = both.seal(b"secret", b"place")
    assert (old[:4], new[:4]) == (key_id(OLD), key_id(NEW))
    assert [both.open(sealed, b"place") for sealed in (old, new)] == [b"secret", b"secret"]


def test_nonces_differ() -> None:
    ring = Keyring([NEW])
    assert len({ring.seal(b"secret", b"place") for _ in range(100)}) == 100


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SecretError, match=f"needs key {key_id(OLD).hex()}"):
        Keyring([NEW]).open(Keyring([OLD]).seal(b"secret", b""), b"")


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-1], lambda text: text[:-1] + bytes([text[-1] ^ 1]), lambda text: text[:9]]
)
def test_a_changed_text_does_not_open(damage) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    ring = Keyring([NEW])
    with pytest.raises(SecretError, match=f"does not open with key {key_id(NEW).hex()}"):
        ring.open(damage(ring.seal(b"secret", b"here")), b"here")


def test_a_text_does_not_open_in_another_place() -> None:
    ring = Keyring([NEW])
    with pytest.raises(SecretError, match="changed or moved"):
        ring.open(ring.seal(b"secret", b"here"), b"there")


def test_a_key_file_has_a_key_a_line() -> None:
    first = generate_key()
    ring = Keyring.parse(f"# written in spring\n{first}\n\n  {generate_key()}  \n")
    assert Keyring.parse(first).open(ring.seal(b"secret", b""), b"") == b"secret"


@pytest.mark.parametrize(
    ("text", "why"), [("", "at least one key"), ("not base64!", "not base64"), ("AAAA", "16, 24 or 32 bytes, not 3")]
)
def test_a_wrong_key_file_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(SecretError, match=why):
        Keyring.parse(text)
