"""Errors as people are told of them."""

from __future__ import annotations


def error_text(error: BaseException) -> str:
    """Return an error's text, or its type for one without: a TimeoutError says nothing by itself.

    Of a file it is told which one it is, and what is wrong with it.
    """
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
