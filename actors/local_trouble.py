"""Whose trouble an error of a socket is: the node's, or that of the machine that this control node runs on.

What is this machine's says nothing of a node: it would take all of them for dead at once.
"""

from __future__ import annotations

import errno

_OF_THE_NODE = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EPIPE,
        errno.ENOENT,  # its UNIX socket is not there
        errno.EAGAIN,  # it does not take connections from its UNIX socket
        errno.EHOSTUNREACH,  # nobody on its network has its address
        errno.EHOSTDOWN,
        errno.ETIMEDOUT,
    }
)
"""What a node that has ended, hangs, or whose machine is gone brings about."""

_PASSING = frozenset({errno.ENOBUFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR})
"""What may be over when the command is sent again."""


def is_local(error: OSError) -> bool:
    """Return whether the trouble is this machine's: no route, forbidden, no buffers, no file descriptors, ..."""
    return error.errno not in _OF_THE_NODE


def is_of_the_message(error: OSError) -> bool:
    """Return whether only this one message cannot be sent: it is too long."""
    return error.errno == errno.EMSGSIZE


def is_passing(error: OSError) -> bool:
    """Return whether trouble of this machine may be over soon."""
    return error.errno in _PASSING


def words_of(error: OSError) -> str:
    """Return what went wrong."""
    return error.strerror or str(error) or type(error).__name__
