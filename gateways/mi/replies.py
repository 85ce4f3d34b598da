"""Replies written: whole, or piece by piece where a method's result comes one by one."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateways.mi.jsonrpc import PARSE_ERROR, MiError, write_error, write_json, write_result
from gateways.mi.methods import Caller, Outcome, failure

AT_ONCE = 64 * 1024
"""Bytes of a piece, about."""

_HERE = "\0"
"""Stands for the list in the frame of a reply: as text of JSON it is nowhere else."""


def is_parse_error(outcome: Outcome) -> bool:
    """Return whether what came was no JSON."""
    return isinstance(outcome.result, MiError) and outcome.result.code == PARSE_ERROR


async def whole(outcome: Outcome, caller: Caller, *, most: int | None = None, pretty: bool = False) -> bytes:
    """Return a reply of at most `most` bytes; one that would be longer is an error, which is told instead."""
    reply = bytearray()
    async with aclosing(pieces(outcome, caller, pretty=pretty)) as every:
        async for piece in every:
            reply += piece
            if most is not None and len(reply) > most:
                why = f"the reply has more than {most} bytes: ask for less, or over HTTP"
                return write_error(outcome.id, MiError(500, "Internal error", why), pretty=pretty)
    return bytes(reply)


async def pieces(outcome: Outcome, caller: Caller, *, pretty: bool = False) -> AsyncGenerator[bytes, None]:
    """Return a reply in one piece or more. What fails before the first one is told in it; later failures are raised."""
    result = outcome.result
    if isinstance(result, MiError):
        yield write_error(outcome.id, result, pretty=pretty)
    elif not isinstance(result, AsyncGenerator):
        yield write_result(outcome.id, result, pretty=pretty)
    else:
        async with aclosing(result), aclosing(_of_list(outcome, result, pretty=pretty)) as of_list:
            try:
                first = await anext(of_list)
            except MiError as error:
                first = write_error(outcome.id, error, pretty=pretty)
            except Exception as error:
                first = write_error(outcome.id, failure(error, caller), pretty=pretty)
            yield first
            async for piece in of_list:
                yield piece


async def _of_list(
    outcome: Outcome, items: AsyncGenerator[object, None], *, pretty: bool
) -> AsyncGenerator[bytes, None]:
    item = await anext(items, _HERE)
    if item is _HERE:
        yield write_result(outcome.id, [], pretty=pretty)
        return
    head, tail = write_result(outcome.id, [_HERE], pretty=pretty).split(write_json(_HERE), 1)
    between, indent = (head[head.rindex(b"[") + 1 :], " " * 8) if pretty else (b" ", "")
    piece = bytearray(head + _indented(item, indent))
    async for item in items:
        if len(piece) >= AT_ONCE:
            yield bytes(piece)
            piece.clear()
        piece += b"," + between + _indented(item, indent)
    yield bytes(piece + tail)


def _indented(item: object, indent: str) -> bytes:
    text = write_json(item, pretty=bool(indent))
    return textwrap.indent(text.decode(), indent).strip().encode() if indent else text
