from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateways.ng.limits import MAX_CLIENTS, Clients


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("::1", True),
        ("2001:db8::1", False),
        ("fe80::1%lo", True),
    ],
)
def test_who_may_ask(host: str, allowed: bool) -> None:
    networks = [ip_network(text) for text in ("127.0.0.0/8", "192.0.2.0/24", "::1/128", "fe80::/10")]
    clients = Clients(networks, 10)
    assert (clients.find(host) is not None) is allowed
    assert (clients.find(host) is not None) is allowed


def test_a_host_is_one_client() -> None:
    clients = Clients([ip_network("127.0.0.0/8")], 1)
    client = clients.find("127.0.0.1")
    assert client is not None
    assert clients.find("127.0.0.1") is client
    assert clients.find("127.0.0.2") is not client
    client.queued = 1
    assert clients.has_room(client)
    client.queued = 2
    assert not clients.has_room(client)


def test_idle_clients_are_forgotten_and_busy_ones_are_not() -> None:
    clients = Clients([ip_network("10.0.0.0/8")], 1)
    busy = clients.find("10.255.0.1")
    assert busy is not None
    busy.queued = 1
    for number in range(2 * MAX_CLIENTS):
        clients.find(f"10.0.{number // 256}.{number % 256}")
    assert len(clients._clients) <= MAX_CLIENTS
    assert clients.find("10.255.0.1") is busy
