"""The local socket: HTTP over a UNIX socket that only its owner and root can connect to, for the command line."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import web

from gateways.mi.methods import Caller, Role
from replay.history.timeline import one_line

_CREDENTIALS = struct.Struct("3i")
"""What SO_PEERCRED gives: the process, the user and the group that connected (unix(7))."""

ON_BEHALF_OF: Final = "On-Behalf-Of"
"""The header by which a program that others use says who of them asks. Who can connect may do everything, so it is
believed."""

_LONGEST_NAME: Final = 100


class InUse(OSError):
    """A program listens there already."""


def listening(path: Path) -> socket.socket:
    """Listen at a path. What a dead program left there is removed. Raises OSError, and InUse."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_socket():
        if _answers(path):
            raise InUse(f"another program listens at {path}")
        path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen()
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, suppress(OSError):
        sock.connect(str(path))
        return True
    return False


def caller_of(request: web.BaseRequest) -> Caller:
    """Return who connected, by what the kernel says. Whoever can may do everything: the service is theirs."""
    user = "somebody"
    if request.transport is not None:
        open_file = os.dup(request.transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=open_file) as sock:
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user = _user_named(_CREDENTIALS.unpack(credentials)[1])
    asking = one_line(request.headers.get(ON_BEHALF_OF, ""))[:_LONGEST_NAME]
    return Caller(f"{asking}, by {user} (local socket)" if asking else f"{user} (local socket)", Role.OPERATE)


def _user_named(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
