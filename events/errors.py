"""Errors as people are told of them."""

from __future__ import annotations


def error_text(error: BaseException) -> str:
    """Return an error's text, or its type for one without: a TimeoutError says nothing by itself."""
    return str(error) or type(error).__name__
