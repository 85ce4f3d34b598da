"""Who gets a copy of what is asked and answered at the ng door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from gateways.ng.cache import Send

Address: TypeAlias = tuple[str, int]
"""An IP address without brackets, and a port."""

Tap: TypeAlias = Callable[[bytes, str, Address, Address, Send], Send]
"""Takes a request, its transport ("udp" or "tcp"), the client's address and the door's, and what sends the reply.

It gives what is to send the reply in its place. It must not raise.
"""
