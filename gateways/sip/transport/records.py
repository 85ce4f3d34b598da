"""What DNS says about a SIP domain, and the order in which it is to be tried (RFC 3263 4, RFC 2782): no sockets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from sipmessage import URI

from gateways.sip.addresses import SipTransport


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record (RFC 3403 4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class SrvService:
    """Where SRV records are to be looked for, and the transport that they are for."""

    name: str
    transport: SipTransport


_SRV_PREFIX = {SipTransport.UDP: "_sip._udp", SipTransport.TCP: "_sip._tcp", SipTransport.TLS: "_sips._tcp"}
_ANY = (SipTransport.UDP, SipTransport.TCP, SipTransport.TLS)
_SECURE = (SipTransport.TLS,)
_NAPTR_SERVICE = {"SIP+D2U": SipTransport.UDP, "SIP+D2T": SipTransport.TCP, "SIPS+D2T": SipTransport.TLS}


def allowed_transports(uri: URI) -> tuple[SipTransport, ...]:
    """Return the transports that a URI allows, the preferred first: none where it asks for one that is not known.

    `transport=tcp` of a sips URI means TLS over TCP (RFC 3261 26.2.2).
    """
    parameters = uri.parameters
    asked = next((parameters[name] for name in parameters if name.lower() == "transport"), None) if parameters else None
    if uri.scheme == "sips":
        return _SECURE if asked is None or asked.lower() in ("tcp", "tls") else ()
    if asked is None:
        return _ANY
    try:
        return (SipTransport(asked.lower()),)
    except ValueError:
        return ()


def names_transport(uri: URI) -> bool:
    """Whether a URI leaves no choice by a transport parameter."""
    return any(name.lower() == "transport" for name in uri.parameters)


def service_of(domain: str, transport: SipTransport) -> SrvService:
    """Return where a domain has the SRV records for a transport."""
    return SrvService(f"{_SRV_PREFIX[transport]}.{domain}", transport)


def services_in(records: Sequence[Naptr], transports: Collection[SipTransport]) -> list[SrvService]:
    """Return the services for transports that may be used, the preferred first.

    Of records with different orders only those with the lowest that can be used count (RFC 3403 4.1).
    """
    usable = [
        record
        for record in records
        if record.flags.lower() == "s" and _NAPTR_SERVICE.get(record.service.upper()) in transports
    ]
    lowest = min((record.order for record in usable), default=0)
    chosen = sorted((record for record in usable if record.order == lowest), key=lambda record: record.preference)
    return [SrvService(record.replacement, _NAPTR_SERVICE[record.service.upper()]) for record in chosen]


def in_order(records: Sequence[Srv], random: Random) -> list[Srv]:
    """Order SRV records: by priority, and within one by chance, in proportion to the weights (RFC 2782).

    Records with the target "." say that the service is not there; they are left out.
    """
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        left = [record for record in records if record.priority == priority and record.target not in (".", "")]
        left.sort(key=lambda record: record.weight)  # those with weight 0 first, as the RFC has it
        while left:
            ordered.append(left.pop(_draw([record.weight for record in left], random)))
    return ordered


def _draw(weights: Sequence[int], random: Random) -> int:
    """Draw an index: the first whose running sum is at least a number from 0 to the sum of all."""
    mark, running = random.randint(0, sum(weights)), 0
    for index, weight in enumerate(weights):
        running += weight
        if running >= mark:
            return index
    raise AssertionError("the last running sum is the sum of all")
