"""Replies whole and in pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gateways.mi.jsonrpc import Json, MiError, write_result
from gateways.mi.methods import Caller, Outcome, Role
from gateways.mi.replies import pieces, whole

CALLER = Caller("o", Role.OPERATE)


async def one_by_one(*items: Json, fails_with: Exception | None = None) -> AsyncGenerator[Json, None]:
    for item in items:
        yield item
    if fails_with:
        raise fails_with


@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("number", [1, "a", None, "\0"])
@pytest.mark.parametrize("items", [[], [1], [{"a": [1, {"b": "ü\0"}]}, {}, [], "x\ny"]], ids=str)
async def test_a_list_that_comes_one_by_one_is_written_as_any_list(items: Any, number: Any, pretty: bool) -> None:
    written = await whole(Outcome(number, True, one_by_one(*items)), CALLER, pretty=pretty)
    assert written == write_result(number, items, pretty=pretty)


async def test_a_long_list_comes_in_pieces() -> None:
    items = ["x" * 1000] * 1000
    sizes = []
    reply = b""
    async for piece in pieces(Outcome(1, True, one_by_one(*items)), CALLER):
        sizes.append(len(piece))
        reply += piece
    assert json.loads(reply)["result"] == items
    assert max(sizes) < 70_000


@pytest.mark.parametrize(
    ("error", "code"), [(MiError(404, "Not there"), 404), (ZeroDivisionError(), -32000)], ids=["refused", "failed"]
)
@pytest.mark.parametrize("before", [[], [1]])
async def test_what_fails_before_anything_was_sent_is_told(error: Exception, code: int, before: list[int]) -> None:
    reply = json.loads(await whole(Outcome(1, True, one_by_one(*before, fails_with=error)), CALLER))
    assert reply["error"]["code"] == code
    assert "result" not in reply


async def test_what_fails_in_the_midst_never_looks_like_a_reply() -> None:
    reply = pieces(Outcome(1, True, one_by_one(*["x" * 1000] * 100, fails_with=ZeroDivisionError())), CALLER)
    sent = await anext(reply)
    with pytest.raises(ZeroDivisionError):
        await anext(reply)
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent)


async def test_a_reply_is_never_longer_than_it_may_be() -> None:
    short = await whole(Outcome("a", True, one_by_one(*["x" * 1000] * 100)), CALLER, most=2000)
    said = json.loads(short)
    assert (said["id"], said["error"]["code"], said["error"]["message"]) == ("a", 500, "Internal error")
    assert "2000 bytes" in said["error"]["data"]
