"""The headers of a message, made and copied at once."""

from __future__ import annotations

from sipmessage import Headers


class CopyableHeaders(Headers):
    """Headers that are made of a list: names as they are to be written, each once, with its values."""

    def __init__(self, pairs: list[tuple[str, list[str]]]) -> None:
        super().__init__()
        self._list = pairs

    def copy(self) -> CopyableHeaders:
        """Return headers that can be changed without these."""
        return CopyableHeaders([(name, values.copy()) for name, values in self._list])


def copied(headers: Headers) -> CopyableHeaders:
    """Return a copy of any headers."""
    if isinstance(headers, CopyableHeaders):
        return headers.copy()
    return CopyableHeaders([(name, list(headers.getlist(name))) for name in headers.keys()])  # noqa: SIM118 no mapping
