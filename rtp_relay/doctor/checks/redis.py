"""The Redis of the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from events.redis.refusals import Refusal
from rtp_relay.config import Durability
from rtp_relay.doctor.facts import RedisFacts
from rtp_relay.doctor.findings import Area, Finding
from rtp_relay.doctor.refusals import SPOILT, mend_of

_AREA = Area("redis")

OLDEST: Final = (6, 2)
"""The oldest Redis that is tested."""

WAITAOF: Final = (7, 2)
"""The first Redis that can be asked whether an event is on its disk."""

FULL, NEARLY_FULL = 0.95, 0.8
"""Parts of its memory."""

_OURS: Final = "rtp-relay journal,"
"""What journals of other formats begin with, too."""

_NAMED_ANEW: Final = (
    "if calls are there, DEL the key <prefix>:journal, which the next start of a control node writes anew; another "
    "[journal] prefix, under which none of these calls is known, only where another program uses this one"
)

SLOW: Final = 10.0
"""Milliseconds of a round trip: each request of a call waits for one at least."""

APART: Final = 1000.0
"""Milliseconds by which clocks may differ."""


def check_redis(servers: Sequence[RedisFacts], durability: Durability, expected: str) -> Iterator[Finding]:
    """Check all servers; `expected`: what stands where a journal is named that this program can use."""
    for server in servers:
        found = [
            *_version(server),
            *_role(server, durability),
            *_memory(server),
            *_persistence(server, durability),
            *_speed(server),
            *_journal(server, expected),
            *_tables(server),
            *_writes(server, durability),
        ]
        if not found:
            memory = f", {_number(server, 'used_memory') / 1e6:.0f} MB used" if "used_memory" in server.info else ""
            yield _AREA.ok(f"{_named(server)} answers within {server.round_trip:.1f} ms{memory}")
        yield from found
    yield from _clocks(servers)


def unreachable(where: str, why: str, refusal: Refusal | None = None) -> Finding:
    """Return that Redis cannot be asked. refusal: what it answers, if it does."""
    if refusal is not None:
        return _AREA.wrong(f"{where} refuses to be asked: {refusal.why}", mend_of(refusal))
    return _AREA.wrong(
        f"{where} cannot be reached: {why}", "start it, or correct [journal] url; without it no call is served"
    )


def _version(server: RedisFacts) -> Iterator[Finding]:
    version = _version_of(server)
    if version and version < OLDEST:
        yield _AREA.wrong(f"{_named(server)} is too old", f"use Redis {'.'.join(map(str, OLDEST))} or later, or Valkey")


def _role(server: RedisFacts, durability: Durability) -> Iterator[Finding]:
    if server.info.get("role") == "slave":
        yield _AREA.wrong(
            f"{_named(server)} is a replica and takes no events",
            "have [journal] url name its master, or its Sentinels (redis+sentinel://)",
        )
    if server.info.get("loading", "0") != "0":
        yield _AREA.warning(f"{_named(server)} is reading its data", "wait until it is done")
    replicas = _number(server, "connected_slaves")
    if durability is Durability.REPLICA and server.info and not replicas:
        yield _AREA.wrong(
            f'{_named(server)} has no replica, and durability = "replica" waits for one with every event',
            "connect a replica, or choose another [journal] durability",
        )
    if server.info.get("master_link_status") == "down":
        yield _AREA.wrong(f"{_named(server)} has lost its master", "mend its replication")


def _memory(server: RedisFacts) -> Iterator[Finding]:
    policy = server.info.get("maxmemory_policy", "noeviction")
    most, used = _number(server, "maxmemory"), _number(server, "used_memory")
    if policy != "noeviction":
        mend = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
        if most:
            yield _AREA.wrong(f"{_named(server)} forgets calls when it is full: maxmemory-policy is {policy}", mend)
        else:
            yield _AREA.warning(
                f"{_named(server)} would forget calls if it had a maxmemory: its policy is {policy}", mend
            )
    room, whose = (most, "its maxmemory") if most else (_number(server, "total_system_memory"), "the machine's memory")
    if not room or used < NEARLY_FULL * room:
        return
    told = f"{_named(server)} uses {used / room:.0%} of {whose}, {used / 1e6:.0f} MB"
    mend = "give it more, or shorten [journal] retention; a full one refuses events, and then calls are refused"
    yield _AREA.wrong(told, mend) if used >= FULL * room else _AREA.warning(told, mend)


def _persistence(server: RedisFacts, durability: Durability) -> Iterator[Finding]:
    info, settings = server.info, server.settings or {}
    if info.get("aof_last_write_status") == "err" or info.get("aof_last_bgrewrite_status") == "err":
        yield _AREA.wrong(
            f"{_named(server)} could not write its append-only file", "see its log: often the disk is full"
        )
    if info.get("rdb_last_bgsave_status") == "err":
        yield _AREA.wrong(
            f"{_named(server)} could not save its data, and may refuse events for it",
            "see its log: often the disk is full",
        )
    if info.get("aof_enabled", "1") == "0":
        if durability is Durability.FSYNC:
            yield _AREA.wrong(
                f'durability = "fsync" needs an append-only file, and {_named(server)} has none',
                "CONFIG SET appendonly yes, and the same in its configuration file",
            )
        else:
            saves = settings.get("save", "")
            kept = f"what was written since its last snapshot (save {saves})" if saves else "everything"
            yield _AREA.warning(
                f"{_named(server)} forgets {kept} when it is restarted: appendonly is off",
                "CONFIG SET appendonly yes, and the same in its configuration file",
            )
        return
    if settings.get("appendfsync") == "no":
        yield _AREA.warning(
            f"{_named(server)} leaves it to the system when events reach the disk", "CONFIG SET appendfsync everysec"
        )
    old = (_version_of(server) or WAITAOF) < WAITAOF
    if durability is Durability.FSYNC and old and settings.get("appendfsync") != "always":
        yield _AREA.wrong(
            f'durability = "fsync" needs Redis 7.2, or appendfsync always, and {_named(server)} has neither',
            "CONFIG SET appendfsync always, or a newer Redis",
        )


def _speed(server: RedisFacts) -> Iterator[Finding]:
    if server.round_trip >= SLOW:
        yield _AREA.warning(
            f"{_named(server)} answers in {server.round_trip:.0f} ms at best",
            "put it nearer: each request of a call waits for it; look at SLOWLOG, and whether the machine swaps",
        )


def _journal(server: RedisFacts, expected: str) -> Iterator[Finding]:
    if server.unread is not None and server.unread.code == SPOILT:
        yield _AREA.wrong(f"the key at {server.place} that names the journal holds something else", _NAMED_ANEW)
    elif server.unread is not None:
        yield _AREA.wrong(f"the journal at {server.place} cannot be read: {server.unread.why}", mend_of(server.unread))
    elif server.journal not in ("", expected):
        ours = server.journal.startswith(_OURS)
        yield _AREA.wrong(
            f"the journal at {server.place} is {server.journal!r}, and this program needs {expected!r}",
            "use the program that it belongs to: under another [journal] prefix none of its calls is known"
            if ours
            else _NAMED_ANEW,
        )


def _tables(server: RedisFacts) -> Iterator[Finding]:
    for key in server.spoilt:
        yield _AREA.wrong(
            f"the key {key} at {server.place} holds something else than the journal's table: calls there are hindered",
            "find who wrote it; DEL it, and then rtp-relay verify --repair makes the table anew from the streams",
        )


def _writes(server: RedisFacts, durability: Durability) -> Iterator[Finding]:
    """Find refused writes, and such as are not confirmed, unless what keeps them from it has been told."""
    refusal, told = server.trial.refusal, {server.unread.code if server.unread else ""}
    told |= {"READONLY"} if server.info.get("role") == "slave" else set()
    if refusal is not None and refusal.code not in told - {""}:
        yield _AREA.wrong(
            f"{_named(server)} refuses to be written, and so calls are refused: {refusal.why}", mend_of(refusal)
        )
    if server.trial.confirmed:
        return
    if durability is Durability.FSYNC:
        yield _AREA.wrong(
            f"{_named(server)} does not confirm that what is written is on its disk", "see its log, and its disk"
        )
    elif _number(server, "connected_slaves"):
        yield _AREA.wrong(
            f'no replica of {_named(server)} confirms what is written, and durability = "replica" waits for one',
            "look at its replicas: INFO replication says which lag behind; or choose another [journal] durability",
        )


def _clocks(servers: Sequence[RedisFacts]) -> Iterator[Finding]:
    for server in servers:
        if abs(server.ahead) >= APART:
            side = "ahead of" if server.ahead > 0 else "behind"
            yield _AREA.warning(
                f"the clock of {_named(server)} is {abs(server.ahead) / 1000:.1f} s {side} this machine's",
                "have both follow a time server (chrony, systemd-timesyncd): histories and logs do not fit together",
            )


def _named(server: RedisFacts) -> str:
    name = server.info.get("server_name", "redis")
    version = server.info.get("valkey_version") or server.info.get("redis_version", "of unknown version")
    return f"{'Valkey' if name == 'valkey' else 'Redis'} {version} at {server.place}"


def _version_of(server: RedisFacts) -> tuple[int, ...]:
    parts = server.info.get("redis_version", "").split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _number(server: RedisFacts, name: str) -> int:
    value = server.info.get(name, "0")
    return int(value) if value.isdigit() else 0
