"""A Pykka backend whose actors run on the asyncio event loop (asyncio's own or uvloop).

`LoopActor` takes the place of `pykka.ThreadingActor`. All actors of a loop share its thread, so this differs:

- A handler must not block. A slow thing is started elsewhere and comes back as another message.
- On a thread that runs an event loop, whatever would have to block raises `WouldBlockLoop`: `ask` and `stop` with
  `block=True`, setting an attribute through a proxy (these send nothing then), `get` of a future that has no value yet,
  `pykka.get_all`. Await the future that `block=False` gives instead.
- Exceptions that are no `Exception` stop all registered actors, as Pykka says, but without waiting for them.
  `KeyboardInterrupt` and `SystemExit` go on to the loop after that, as from any callback; `asyncio.CancelledError` is
  treated as an `Exception`: on a loop it is how an operation ended, not a wish to end the program.
"""

from __future__ import annotations

from actors.runtime.actor import LoopActor
from actors.runtime.future import LoopFuture
from actors.runtime.latch import Latch, WouldBlockLoop

__all__ = ["Latch", "LoopActor", "LoopFuture", "WouldBlockLoop"]
