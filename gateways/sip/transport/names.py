"""Questions to DNS: answers are remembered, and what is being asked is not asked again meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeAlias, cast

import structlog
from dns.asyncresolver import Resolver as DnsResolver
from dns.exception import DNSException
from dns.name import from_text
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from gateways.sip.transport.records import Naptr, Srv

log = structlog.get_logger(bounded=True)

MAX_REMEMBERED = 10_000
"""So many answers are remembered."""

MAX_ASKED = 1000
"""So many questions may be under way."""

_LONGEST = 3600.0
_NOTHING_THERE = 30.0
_NO_ANSWER = 5.0

_Key: TypeAlias = tuple[str, RdataType]
_Records: TypeAlias = tuple[Rdata, ...]


class Names:
    """Asks the nameservers (IP addresses; None: those of the system). `timeout`: seconds for a question.

    What there is, is remembered for its TTL but an hour at most; that there is nothing, for 30 s, and that no
    nameserver answered, for 5 s. Names are absolute: no search list. Nothing here raises for what DNS says or doesn't.
    """

    def __init__(self, nameservers: Sequence[str] | None, port: int, timeout: float) -> None:
        self._resolver = _resolver(nameservers, port)
        self._resolver.lifetime, self._resolver.timeout = timeout, timeout / 2  # so a second nameserver gets its turn
        self._remembered: dict[_Key, tuple[float, _Records]] = {}
        self._asked: dict[_Key, asyncio.Task[_Records]] = {}

    async def naptr(self, name: str) -> list[Naptr]:
        """Return a name's NAPTR records."""
        records = cast("tuple[NAPTR, ...]", await self._records(name, RdataType.NAPTR))
        return [
            Naptr(each.order, each.preference, _text(each.flags), _text(each.service), each.replacement.to_text())
            for each in records
        ]

    async def srv(self, name: str) -> list[Srv]:
        """Return a name's SRV records."""
        records = cast("tuple[SRV, ...]", await self._records(name, RdataType.SRV))
        return [Srv(each.priority, each.weight, each.port, each.target.to_text()) for each in records]

    async def addresses(self, name: str) -> list[str]:
        """Return a name's addresses, those of IPv6 first."""
        if _is_localhost(name):
            return ["::1", "127.0.0.1"]
        six, four = await asyncio.gather(self._records(name, RdataType.AAAA), self._records(name, RdataType.A))
        return [cast("A | AAAA", each).address for each in (*six, *four)]

    async def close(self) -> None:
        """Cancel the queries under way: they find nothing."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _records(self, name: str, kind: RdataType) -> _Records:
        if _is_localhost(name):
            return ()
        key = (name.lower().removesuffix("."), kind)
        remembered = self._remembered.get(key)
        if remembered is not None and remembered[0] > asyncio.get_running_loop().time():
            return remembered[1]
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= MAX_ASKED:
                log.warning("dns not asked, too many questions are under way", name=name)
                return ()
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._ask(key))
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        # One who no longer waits must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, key: _Key) -> _Records:
        name, kind = key
        try:
            answer = await self._resolver.resolve(from_text(name), kind)
        except asyncio.CancelledError:  # by `close`: those who wait are to hear of it as of any other failure
            return ()
        except (NXDOMAIN, NoAnswer):
            return self._remember(key, (), _NOTHING_THERE)
        except (DNSException, OSError, ValueError, EOFError) as error:  # a name may be too long, or not be one at all
            log.warning("dns gave no answer", name=name, type=kind.name, why=str(error))
            return self._remember(key, (), _NO_ANSWER)
        return self._remember(key, tuple(answer), min(answer.chaining_result.minimum_ttl, _LONGEST))

    def _remember(self, key: _Key, records: _Records, seconds: float) -> _Records:
        self._remembered.pop(key, None)
        self._remembered[key] = (asyncio.get_running_loop().time() + seconds, records)
        if len(self._remembered) > MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return records


def _is_localhost(name: str) -> bool:
    """Whether a name is no business of DNS (RFC 6761 6.3)."""
    return name.lower().removesuffix(".").rpartition(".")[2] == "localhost"


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")


def _resolver(nameservers: Sequence[str] | None, port: int) -> DnsResolver:
    try:
        resolver = DnsResolver(configure=nameservers is None)
    except NoResolverConfiguration:
        resolver = DnsResolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]  # as the C library has it (resolv.conf(5))
    if nameservers is not None:
        resolver.nameservers = list(nameservers)
    resolver.port = port
    return resolver
