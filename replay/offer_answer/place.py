"""Where a session description stands: the kinds of SIP messages that may carry one which matters."""

from __future__ import annotations

from enum import StrEnum


class Place(StrEnum):
    """A message that may carry a body which matters: a column of the table. The order is that of its rows."""

    INVITE = "INVITE"
    PROVISIONAL = "1xx to INVITE"
    RELIABLE = "reliable 1xx to INVITE"
    ACCEPT = "2xx to INVITE"
    ACK = "ACK"
    PRACK = "PRACK"
    PRACK_ACCEPT = "2xx to PRACK"
    UPDATE = "UPDATE"
    UPDATE_ACCEPT = "2xx to UPDATE"

    @property
    def begins(self) -> bool:
        """Return whether it is a request that begins an exchange or asks for one; ACK only ends them."""
        return self in (Place.INVITE, Place.PRACK, Place.UPDATE)


_REQUESTS = {"INVITE": Place.INVITE, "ACK": Place.ACK, "PRACK": Place.PRACK, "UPDATE": Place.UPDATE}
_ACCEPTS = {"INVITE": Place.ACCEPT, "PRACK": Place.PRACK_ACCEPT, "UPDATE": Place.UPDATE_ACCEPT}


def place_of(method: str, status: int | None, *, reliable: bool) -> Place | None:
    """Return the column of a message; None if a body in it is neither offer nor answer (RFC 6337 2.3).

    `status` is None for a request. `reliable` counts for a 1xx only.
    """
    if status is None:
        return _REQUESTS.get(method)
    if 200 <= status < 300:
        return _ACCEPTS.get(method)
    if method == "INVITE" and 100 < status < 200:
        return Place.RELIABLE if reliable else Place.PROVISIONAL
    return None
