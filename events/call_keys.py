"""Keys of single calls, so that a call can be forgotten for good: without its keys, no copy of its stream opens.

What is secret of a call is sealed with data keys of the call. They are random, sealed by the configured keys, and kept
beside the stream: a key's id with the sealed key. Usually a call has one. A control node that knows none of a call's
keys makes another one and sends it with what it seals, in the same atomic step, so that no key is without its entries,
and no entry without its key, whoever writes first and whatever is lost on the way.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from events.codec import ERRORS
from events.names import CallId
from events.secrets import Keyring, SecretError, key_id, key_of, open_with, seal_with, sealed_by

_SIZE: Final = 32
_CALLS: Final = 20_000
"""The keys of so many calls are remembered; what is written of others is sealed with new ones."""


class MissingKey(LookupError):
    """A text is sealed with a key of its call that was not read."""


class CallKeys:
    """The data keys of a call, as far as they are known.

    kept: sealed keys that the journal has, by their ids; complete: whether it has no others when a text is opened.
    seals: whether texts are sealed with keys of the call, or as before by the configured ones, which open in any case.
    """

    __slots__ = ("_complete", "_configured", "_context", "_data", "_seals", "_unusable", "unsent")

    def __init__(
        self,
        call_id: CallId,
        configured: Keyring,
        kept: Mapping[bytes, bytes] | None = None,
        *,
        complete: bool = False,
        seals: bool = True,
    ) -> None:
        self._configured, self._seals, self._complete = configured, seals, complete
        self._context = b"\0call key\0" + call_id.encode(errors=ERRORS)
        self._data: dict[bytes, bytes] = {}
        self._unusable: dict[bytes, str] = {}
        self.unsent: tuple[bytes, bytes] | None = None
        """The id of the key that seals, and the sealed key, until the journal is known to have it."""
        for name, sealed in (kept or {}).items():
            self._take(name, sealed)

    @property
    def is_kept(self) -> bool:
        """Whether the journal has what seals."""
        return self.unsent is None and (bool(self._data) or not self._seals)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt `plain`, for its context, with a key of the call: a new one if none is known."""
        if not self._seals:
            return self._configured.seal(plain, context)
        if not self._data:
            self._make()
        name = next(reversed(self._data))
        return seal_with(name, self._data[name], plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what was sealed; SecretError for what does not open, MissingKey if the key may be in the journal."""
        name = key_of(sealed)
        data = self._data.get(name)
        if data is not None:
            return open_with(data, sealed, context)
        if self._configured.has(name):
            return self._configured.open(sealed, context)
        if name in self._unusable:
            raise SecretError(self._unusable[name])
        if not self._complete:
            raise MissingKey(name)
        raise SecretError(f"needs key {sealed_by(sealed)}, not configured, nor kept of this call: forgotten, or lost")

    def _make(self) -> None:
        """Make a key whose id is no configured one's."""
        data = os.urandom(_SIZE)
        while self._configured.has(key_id(data)):
            data = os.urandom(_SIZE)
        self._data[key_id(data)] = data
        self.unsent = key_id(data), self._configured.seal(data, self._context)

    def _take(self, name: bytes, sealed: bytes) -> None:
        try:
            data = self._configured.open(sealed, self._context)
            if key_id(data) != name:
                raise SecretError("it is another one")
        except SecretError as error:
            self._unusable[name] = f"needs key {name.hex()} of this call, which cannot be used: {error}"
        else:
            self._data[name] = data


class KnownCallKeys:
    """The keys of the calls that were written or loaded last."""

    def __init__(self, configured: Keyring, *, seals: bool) -> None:
        self._configured, self._seals = configured, seals
        self._calls: OrderedDict[CallId, CallKeys] = OrderedDict()

    def of(self, call_id: CallId, *, begins: bool = False) -> CallKeys:
        """Return a call's keys to seal with; begins: it is a new call, which has none, whoever had its name before."""
        known = None if begins else self._calls.get(call_id)
        return self._note(call_id, self._new(call_id) if known is None else known)

    def loaded(self, call_id: CallId, kept: Mapping[bytes, bytes]) -> CallKeys:
        """Return a call's keys, which are those that the journal has of it, from here on."""
        return self._note(call_id, self._new(call_id, kept))

    def read(self, call_id: CallId, kept: Mapping[bytes, bytes] | None = None) -> CallKeys:
        """Return a call's keys for one reading: those given, or else those that are known."""
        if kept is not None:
            return CallKeys(call_id, self._configured, kept, complete=True, seals=self._seals)
        known = self._calls.get(call_id)
        return self._new(call_id) if known is None else known

    def forget(self, call_id: CallId) -> None:
        """Forget those of a call: the journal may not have them."""
        self._calls.pop(call_id, None)

    def _new(self, call_id: CallId, kept: Mapping[bytes, bytes] | None = None) -> CallKeys:
        return CallKeys(call_id, self._configured, kept, seals=self._seals)

    def _note(self, call_id: CallId, keys: CallKeys) -> CallKeys:
        self._calls[call_id] = keys
        self._calls.move_to_end(call_id)
        if len(self._calls) > _CALLS:
            self._calls.popitem(last=False)
        return keys
