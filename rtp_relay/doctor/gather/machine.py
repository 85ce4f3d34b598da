"""Facts about this machine: files, limits, the clock."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import socket
import stat
import struct
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rtp_relay.config import Config
from rtp_relay.doctor.facts import FileFacts, MachineFacts

_PEER = struct.Struct("3i")
_TIME_ERROR: Final = 5
"""What adjtimex(2) returns where nothing sets the clock."""


def service_process(path: Path) -> int | None:
    """Return the process that listens at the local socket, None if none does (SO_PEERCRED, unix(7))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect(str(path))
            pid: int = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0]
        except OSError:
            return None
    return pid


def file_facts(config: Config, file: Path | None) -> list[FileFacts]:
    """Return the rights of the configuration, of what it names, and of the state directory."""
    password = bool(config.journal.url and urlsplit(config.journal.url).password)
    facts = [_file("the configuration", file, secret=password)] if file is not None else []
    scripts = (("the routing script", config.sip.script), ("the route engine's script", config.route.script))
    facts += [_file(what, path, code=True) for what, path in scripts if path is not None]
    facts += [_file("a key of the journal", path, secret=True) for path in config.journal.encryption_key_files]
    if config.sip.key is not None:
        facts.append(_file("the key of the SIP door", config.sip.key, secret=True))
    return [*facts, _folder("the state directory", config.service.state_dir)]


def _file(what: str, path: Path, *, secret: bool = False, code: bool = False) -> FileFacts:
    return FileFacts(what=what, path=path, mode=_mode(path), secret=secret, code=code)


def _folder(what: str, path: Path) -> FileFacts:
    mode = _mode(path)
    if mode is None:
        return FileFacts(what=what, path=path, mode=None, folder=True)
    disk = shutil.disk_usage(path)
    writable = os.access(path, os.W_OK)
    return FileFacts(
        what=what, path=path, mode=mode, secret=True, folder=True, writable=writable, free=disk.free, size=disk.total
    )


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def machine_facts(process: int | None) -> MachineFacts:
    """Return what this machine grants; process: that of the service, where one runs."""
    return MachineFacts(
        service_runs=process is not None,
        open_files=_open_files(process),
        most_files=_most_files(process),
        receive_buffer=_number("/proc/sys/net/core/rmem_max"),
        tracked=_number("/proc/sys/net/netfilter/nf_conntrack_count"),
        most_tracked=_number("/proc/sys/net/netfilter/nf_conntrack_max"),
        synchronised=_synchronised(),
    )


def _open_files(process: int | None) -> int | None:
    try:
        return len(os.listdir(f"/proc/{process}/fd")) if process is not None else None  # noqa: PTH208 - counts alone
    except OSError:
        return None


def _most_files(process: int | None) -> int | None:
    try:
        soft, _ = resource.prlimit(process or 0, resource.RLIMIT_NOFILE)
    except OSError:
        return None
    return None if soft == resource.RLIM_INFINITY else soft


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _synchronised() -> bool | None:
    """Return whether another clock sets this one, by adjtimex(2), which is only asked here."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state: int = libc.adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
