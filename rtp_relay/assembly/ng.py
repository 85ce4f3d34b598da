"""The ng door as configured."""

from __future__ import annotations

from collections.abc import Callable

from actors.control.control import Control
from actors.directory import Directory
from gateways.handoff.mesh import Mesh
from gateways.ng.door import NgDoor, NgSettings
from gateways.ng.tap import Tap
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import NgConfig


async def open_ng_door(
    config: NgConfig,
    directory: Directory,
    control: Control,
    *,
    now: Callable[[], int],
    ready: Callable[[], bool],
    mesh: Mesh | None = None,
    tap: Tap | None = None,
) -> NgDoor:
    """Open the ng door. Raises StartError for an address that cannot be had."""
    settings = NgSettings(
        listen=config.listen,
        allow=config.allow,
        set=config.set,
        max_queued_per_client=config.max_queued_per_client,
        reply_cache=config.reply_cache,
    )
    door = NgDoor(settings, calls=directory, control=control, now=now, ready=ready, mesh=mesh, tap=tap)
    try:
        await door.open()
    except OSError as error:
        raise StartError(f"the ng door cannot listen on {error.strerror}") from error
    return door
