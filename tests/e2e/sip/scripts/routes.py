"""The functions of the route engine: they write down what they are given, into the file that CALLS names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write(event: str, call: Mapping[str, object]) -> None:
    """Add a line to the file."""
    values = {key: value.decode() if isinstance(value, bytes) else value for key, value in call.items()}
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(json.dumps([event, values]) + "\n")


def rtp_relay_offer(call: Mapping[str, object]) -> tuple[bytes, str]:
    """Mark the body, and name a node."""
    write("offer", call)
    return marked(call), "node-1"


def rtp_relay_answer(call: Mapping[str, object]) -> bytes:
    """Mark the body."""
    write("answer", call)
    return marked(call)


def rtp_relay_delete(call: Mapping[str, object]) -> None:
    """Only note it."""
    write("delete", call)


def marked(call: Mapping[str, object]) -> bytes:
    """Return the body with a name that tells that it was here."""
    body = call["body"]
    assert isinstance(body, bytes)
    return body.replace(b"\r\ns=-\r\n", b"\r\ns=routed\r\n")
