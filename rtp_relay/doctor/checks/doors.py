"""The doors: whether they are open where they should be, and for whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from rtp_relay.config import Config, Network
from rtp_relay.doctor.facts import Bound, DoorFacts
from rtp_relay.doctor.findings import Area, Finding

_AREA = Area("doors")


def check_doors(doors: Sequence[DoorFacts], config: Config, *, runs: bool) -> Iterator[Finding]:
    """Check all addresses, and who is let in. runs: whether the service of this configuration runs here."""
    for door in doors:
        yield _bound(door, runs=runs)
        if door.dropped:
            yield _AREA.warning(
                f"{door.door}: {door.dropped} datagrams to {door.address} found no room and were dropped",
                "sysctl -w net.core.rmem_max=8388608 and start the service again; more [service] workers if it is busy",
            )
    yield from _who_is_let_in(config)


def is_public(hosts: Sequence[str]) -> bool:
    """Return whether other machines reach any of the addresses that are listened on."""
    return any(not ipaddress.ip_address(host).is_loopback for host in hosts)


def _bound(door: DoorFacts, *, runs: bool) -> Finding:
    where = f"{door.door}: {door.address}"
    match door.bound, runs:
        case (Bound.NOT_HERE, _):
            return _AREA.wrong(
                f"{where} is no address of this machine", "correct it, or give the machine the address (ip address add)"
            )
        case (Bound.NOT_PERMITTED, False):
            return _AREA.wrong(
                f"{where} may not be used by this user",
                "give the service CAP_NET_BIND_SERVICE, as its systemd unit does, or choose a port from 1024 on",
            )
        case (Bound.TAKEN, False):
            return _AREA.wrong(
                f"{where} is taken by another program, and no service of this configuration runs",
                f"see which one it is (ss -lnp sport = {door.port}) and end it, or choose another port",
            )
        case (Bound.FREE, True):
            return _AREA.wrong(
                f"{where} is not open, and the service runs", "start it again: doors are read at its start alone"
            )
        case (_, True):
            return _AREA.ok(f"{where} is open")
    return _AREA.ok(f"{where} is free: the service does not run")


def _who_is_let_in(config: Config) -> Iterator[Finding]:
    ng = [address.host for address in config.ng.listen]
    if ng and is_public(ng):
        if any(not network.prefixlen for network in config.ng.allow):
            yield _AREA.warning(
                "ng: anybody may command relays through this door", "name your SIP servers in [ng] allow, and no others"
            )
        elif all(network.is_loopback for network in config.ng.allow):
            yield _AREA.warning(
                "ng: it listens for other machines, and [ng] allow lets none in", "name your SIP servers in [ng] allow"
            )
    elif ng and _strangers(config.ng.allow):
        yield _AREA.warning(
            "ng: [ng] allow names other machines, and the door listens on this one alone",
            "listen on an address that they reach, if they are to use it",
        )
    wild = [address for address in config.sip.listen if ipaddress.ip_address(address.host).is_unspecified]
    if wild and config.sip.advertise is None:
        yield _AREA.warning(
            f"sip: it listens on every address ({wild[0]}), and others are not told which one to use",
            "set [sip] advertise, or listen on the address itself",
        )


def _strangers(allow: Sequence[Network]) -> bool:
    return any(not network.is_loopback for network in allow)
