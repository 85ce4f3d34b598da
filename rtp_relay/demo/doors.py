"""The doors that the demonstration's call can go through."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Protocol

from engines.ng.bencode import NgDict, NgValue
from rtp_relay.demo.ng_client import NgClient, NoReplyError
from rtp_relay.demo.party import Address
from rtp_relay.demo.phone import NoResponseError, Phone
from rtp_relay.demo.sdp import describe, media_address

FROM_TAG, TO_TAG = b"caller", b"callee"


class DoorName(StrEnum):
    """The doors."""

    SIP = "sip"
    NG = "ng"


class RefusedError(Exception):
    """The door refused something, or what it gave is of no use; the message says what."""


class CallDoor(Protocol):
    """A call's way through a door. All but `ready` and `close` raise RefusedError or the errors of its protocol."""

    call_id: str

    async def ready(self) -> bool:
        """Return whether the service answers there; takes a moment if it does not."""

    async def negotiate(self, caller: Address, callee: Address, version: int) -> tuple[Address, Address]:
        """Negotiate between parties that receive media at these addresses, anew after the first time.

        Gives where the callee is to send its media, and where the caller is.
        """

    async def hang_up(self) -> None:
        """End the call."""

    def close(self) -> None:
        """Close the sockets."""


class NgCallDoor:
    """A call that a SIP server would place: its offers and answers, by the ng protocol."""

    def __init__(self, client: NgClient) -> None:
        self.call_id = _new_call_id()
        self._client = client

    async def ready(self) -> bool:
        """Return whether a ping is answered."""
        try:
            return (await self._client.ask("ping", {}, tries=1)).get(b"result") == b"pong"
        except NoReplyError:
            return False

    async def negotiate(self, caller: Address, callee: Address, version: int) -> tuple[Address, Address]:
        """Make an offer and an answer."""
        dialog: dict[str, NgValue] = {"to_tag": TO_TAG} if version > 1 else {}
        offered = await self._ask("offer", from_tag=FROM_TAG, sdp=describe(caller, version), **dialog)
        answered = await self._ask("answer", from_tag=FROM_TAG, to_tag=TO_TAG, sdp=describe(callee, version))
        return _media_of(offered.get(b"sdp")), _media_of(answered.get(b"sdp"))

    async def hang_up(self) -> None:
        """Delete the call."""
        await self._ask("delete", from_tag=FROM_TAG, to_tag=TO_TAG)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    async def _ask(self, command: str, **keys: NgValue) -> NgDict:
        reply = await self._client.ask(command, keys | {"call_id": self.call_id.encode()})
        if reply.get(b"result") != b"ok":
            why = reply.get(b"error-reason")
            raise RefusedError(
                f"{command} was refused: {why.decode(errors='replace') if isinstance(why, bytes) else reply}"
            )
        return reply


class SipCallDoor:
    """A call of two SIP phones, with the door as their proxy."""

    def __init__(self, caller: Phone, callee: Phone, door: Address) -> None:
        self.call_id = _new_call_id()
        self._caller, self._callee, self._door = caller, callee, door

    async def ready(self) -> bool:
        """Return whether an OPTIONS for the proxy itself is answered."""
        try:
            await self._caller.options(self._door, f"{self.call_id}-ready")
        except NoResponseError:
            return False
        return True

    async def negotiate(self, caller: Address, callee: Address, version: int) -> tuple[Address, Address]:
        """Send an INVITE, which the callee accepts, and the ACK."""
        self._caller.sdp, self._callee.sdp = describe(caller, version), describe(callee, version)
        await self._caller.invite(self._callee.uri, self._door, self.call_id)
        return _media_of(self._callee.heard_sdp), _media_of(self._caller.heard_sdp)

    async def hang_up(self) -> None:
        """Send a BYE."""
        await self._caller.bye(self._door, self.call_id)

    def close(self) -> None:
        """Close the phones."""
        self._caller.close()
        self._callee.close()


async def open_door(name: DoorName, address: Address) -> CallDoor:
    """Return a new call's way through the door at an address."""
    if name is DoorName.NG:
        return NgCallDoor(await NgClient.open(address))
    return SipCallDoor(await Phone.open("caller"), await Phone.open("callee"), address)


def _new_call_id() -> str:
    return f"demo-{secrets.token_hex(6)}"


def _media_of(sdp: NgValue | None) -> Address:
    if not isinstance(sdp, bytes):
        raise RefusedError("there is no SDP")
    try:
        return media_address(sdp)
    except ValueError as error:
        raise RefusedError(f"the relay's SDP is of no use: {error}") from error
