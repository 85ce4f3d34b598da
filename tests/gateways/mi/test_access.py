"""Who may ask."""

from __future__ import annotations

import base64
import ipaddress

import pytest

from gateways.mi.access import Access, Token
from gateways.mi.methods import Role

SECRET = "correct-horse-battery"
ACCESS = Access(
    allow=[ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")],
    role=Role.READ,
    tokens=[Token(name="alice", role=Role.OPERATE, secret=SECRET), Token(name="bob", role=Role.READ, secret="b" * 16)],
)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_who_is_near_needs_no_token(host: str) -> None:
    caller = ACCESS.of_http(host, "")
    assert caller is not None
    assert caller.role is Role.READ
    assert ACCESS.of_datagram(host) is not None


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_who_is_far_needs_one(host: str) -> None:
    assert ACCESS.of_http(host, "") is None
    assert ACCESS.of_datagram(host) is None


@pytest.mark.parametrize("said", [f"Bearer {SECRET}", f"bearer  {SECRET}", basic("x", SECRET)])
def test_a_token_says_who_it_is(said: str) -> None:
    caller = ACCESS.of_http("192.0.2.1", said)
    assert caller is not None
    assert (caller.name, caller.role) == ("alice (http:192.0.2.1)", Role.OPERATE)


@pytest.mark.parametrize(
    "said",
    ["Bearer wrong", "Bearer ", "Bearer", "Basic !!!", "Basic " + SECRET, basic(SECRET, "x"), "Digest x", "\xff"],
)
def test_a_wrong_token_is_refused_also_from_near(said: str) -> None:
    assert ACCESS.of_http("127.0.0.1", said) is None


def test_the_socket_of_this_machine() -> None:
    assert ACCESS.of_unix().role is Role.READ
