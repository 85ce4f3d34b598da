"""`rtp-relay demo`: a call with real media, a crash in its middle, and what is left of it."""

from __future__ import annotations

from typing import Annotated

import typer

from rtp_relay import demo as demonstration
from rtp_relay.cli.options import JsonOption
from rtp_relay.demo.doors import DoorName

DoorOption = Annotated[
    DoorName, typer.Option("--door", help="Which door the call goes through: as SIP phones or SIP servers reach it.")
]
KeepOption = Annotated[bool, typer.Option("--keep", help="Keep the demonstration's files, and say where they are.")]


def demo(door: DoorOption = DoorName.SIP, as_json: JsonOption = False, keep: KeepOption = False) -> None:
    """Place a call with real RTP, kill the service in mid-call, start it again, end the call, and show its history.

    Needs nothing but this program. Ends with 1 if any of it did not happen.
    """
    raise typer.Exit(demonstration.run(door, as_json=as_json, keep=keep))
