"""What it means when Redis answers with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from events.errors import error_text
from events.journal import JournalRefused, JournalUnavailable

_CODES: Final = {
    MasterDownError: "MASTERDOWN",
    ClusterDownError: "CLUSTERDOWN",
    TryAgainError: "TRYAGAIN",
    BusyLoadingError: "LOADING",
    ReadOnlyError: "READONLY",
    OutOfMemoryError: "OOM",
    NoPermissionError: "NOPERM",
    NoScriptError: "NOSCRIPT",
    AuthenticationError: "NOAUTH",
}
"""The codes that redis-py takes off the texts of errors, and of which only newer ones tell; others begin the text."""

_LONGEST: Final = 160
"""Characters of a reason."""


def is_refusal(error: BaseException | None) -> bool:
    """Return whether an exchange failed since Redis answered so, and not for want of an answer."""
    return isinstance(error, (ResponseError, BusyLoadingError, AuthenticationError))


def code_of(error: Exception) -> str:
    """Return the word by which Redis names a kind of error, such as OOM; "" if it has none."""
    told: str | None = getattr(error, "status_code", None)
    if told and told != "ERR":
        return told
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    word = str(error).partition(" ")[0]
    return word if word.isupper() and word != "ERR" else ""


def reason(error: Exception) -> str:
    """Return what Redis says, in its own words and no more of them than a line has room for."""
    text = error_text(error).removeprefix("ERR ").partition(" script: ")[0]  # which script it was, nobody asked
    said, code = text.partition(". ")[0].rstrip("."), code_of(error)
    told = said if not code or said.startswith(code) else f"{code} {said}"
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 3]}..."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Redis does not do: by its code, which may be "", and why in its own words."""

    code: str
    why: str


def refusal_of(reply: object) -> Refusal | None:
    """Return what a reply refuses, None if it does not."""
    return Refusal(code_of(reply), reason(reply)) if isinstance(reply, Exception) else None


def failure_of(error: Exception) -> JournalUnavailable:
    """Return what a request to the journal fails with for an error of an exchange."""
    if is_refusal(error):
        return JournalRefused(f"Redis refuses: {reason(error)}")
    return JournalUnavailable(f"Redis cannot be reached: {error_text(error)}")
