"""This machine: files and their rights, limits, its clock."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from typing import Final

from rtp_relay.doctor.facts import FileFacts, MachineFacts
from rtp_relay.doctor.findings import Area, Finding

_FILES, _LIMITS, _CLOCK = Area("files"), Area("limits"), Area("clock")

FEW_FILES: Final = 4096
"""Open files that are soon used up: each connection is one."""

BUFFER: Final = 1_000_000
"""Bytes of datagrams that should have room: some thousand requests, what comes in a moment's pause."""

NEARLY: Final = 0.8
LEAST_FREE: Final = 500_000_000


def check_files(files: Sequence[FileFacts]) -> Iterator[Finding]:
    """Check the rights of files."""
    for file in files:
        yield from _file(file) or [_FILES.ok(f"{file.what}: {file.path}")]


def _file(file: FileFacts) -> list[Finding]:
    named = f"{file.what} {file.path}"
    if file.mode is None:
        if file.folder:
            return [_FILES.ok(f"{named} is not there yet: the service makes it")]
        return [_FILES.wrong(f"{named} is not there, or cannot be looked at", "correct its path or its rights")]
    found = []
    if file.mode & stat.S_IWOTH:
        found.append(_FILES.wrong(f"{named} can be changed by anybody", f"chmod o-w {file.path}"))
    if file.code and file.mode & stat.S_IWGRP:
        found.append(
            _FILES.warning(f"{named} is run, and can be changed by its group", f"chmod g-w {file.path}, or trust them")
        )
    if file.secret and file.mode & (stat.S_IROTH | stat.S_IXOTH):
        told, mend = f"{named} holds secrets, and anybody can read it", f"chmod o= {file.path}"
        found.append(_FILES.warning(told, mend) if file.folder else _FILES.wrong(told, mend))
    if file.folder and not file.writable:
        found.append(
            _FILES.warning(f"{named} cannot be written to by this user", "run this as the service's user, or chown it")
        )
    if file.free is not None and file.size:
        used = 1 - file.free / file.size
        if file.free < LEAST_FREE:
            found.append(
                _FILES.wrong(f"{named} has {file.free / 1e6:.0f} MB left, {used:.0%} are used", "make room on its disk")
            )
    return found


def check_limits(facts: MachineFacts) -> Iterator[Finding]:
    """Check what the system grants."""
    found = [*_open_files(facts), *_buffers(facts), *_tracked(facts)]
    yield from found or [_LIMITS.ok(_granted(facts))]


def check_clock(facts: MachineFacts) -> Iterator[Finding]:
    """Check whether the clock is set by another one."""
    if facts.synchronised is False:
        yield _CLOCK.warning(
            "no time server sets this machine's clock",
            "run chrony or systemd-timesyncd: histories are read by their times",
        )
    elif facts.synchronised:
        yield _CLOCK.ok("a time server sets it")


def _granted(facts: MachineFacts) -> str:
    files = f"{facts.most_files} open files" if facts.most_files is not None else "open files without a limit"
    buffer = f", socket buffers of {facts.receive_buffer} bytes" if facts.receive_buffer is not None else ""
    return files + buffer


def _open_files(facts: MachineFacts) -> Iterator[Finding]:
    if facts.most_files is None:
        return
    mend = "set LimitNOFILE=65536 in its systemd unit, or ulimit -n 65536 before it starts"
    if facts.open_files is not None and facts.open_files >= NEARLY * facts.most_files:
        yield _LIMITS.wrong(f"the service has {facts.open_files} of {facts.most_files} files open", mend)
    elif facts.most_files < FEW_FILES:
        whose = "the service" if facts.service_runs else "a service that this user starts"
        yield _LIMITS.warning(f"{whose} may have {facts.most_files} files open at most", mend)


def _buffers(facts: MachineFacts) -> Iterator[Finding]:
    if facts.receive_buffer is not None and facts.receive_buffer < BUFFER:
        yield _LIMITS.warning(
            f"a socket gets no more than {facts.receive_buffer} bytes for what waits: bursts of requests are lost",
            "sysctl -w net.core.rmem_max=8388608, the same in /etc/sysctl.d/, and start the service again",
        )


def _tracked(facts: MachineFacts) -> Iterator[Finding]:
    if facts.tracked is None or not facts.most_tracked or facts.tracked < NEARLY * facts.most_tracked:
        return
    yield _LIMITS.warning(
        f"the firewall tracks {facts.tracked} of {facts.most_tracked} connections: beyond that packets are dropped",
        "sysctl -w net.netfilter.nf_conntrack_max=..., or have it not track media (NOTRACK)",
    )
