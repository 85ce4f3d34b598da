"""The Lua scripts, which run inside Redis in one atomic step each."""

from __future__ import annotations

import hashlib
from importlib.resources import files


class LuaScript:
    """A script's text, and the SHA-1 by which EVALSHA names it."""

    def __init__(self, name: str) -> None:
        self.text = (files(__package__) / f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


APPEND = LuaScript("append")
CHANGES = LuaScript("changes")
CLAIM = LuaScript("claim")
COUNT = LuaScript("count")
ENDED = LuaScript("ended")
FORGET = LuaScript("forget")
KEEP = LuaScript("keep")
LEASE = LuaScript("lease")
LIST = LuaScript("list")
LOAD = LuaScript("load")
POST = LuaScript("post")
STORED = LuaScript("stored")
STRAYS = LuaScript("strays")
SCRIPTS = (APPEND, CHANGES, CLAIM, COUNT, ENDED, FORGET, KEEP, LEASE, LIST, LOAD, POST, STORED, STRAYS)
