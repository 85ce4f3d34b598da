"""Requests read and replies written, as OpenSIPS' tools send and expect them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.mi.jsonrpc import MiError, read_request, write_error, write_result


def request(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": "7", "method": "which", **fields}).encode()


def test_a_request_of_the_python_client() -> None:
    read = read_request(b'{"jsonrpc": "2.0", "id": "14610", "method": "which", "params": {}}')
    assert (read.method, read.params, read.id, read.wants_reply) == ("which", {}, "14610", True)


def test_a_notification_has_no_id() -> None:
    assert not read_request(b'{"jsonrpc": "2.0", "method": "which"}').wants_reply
    assert read_request(b'{"jsonrpc": "2.0", "method": "which", "id": null}').wants_reply


@pytest.mark.parametrize("data", [b"", b"{", b"which", b"\xff\xfe", b"[" * 100_000], ids=repr)
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(MiError) as caught:
        read_request(data)
    assert (caught.value.code, caught.value.message) == (-32700, "Parse error")


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"1",
        request(jsonrpc="1.0"),
        request(jsonrpc=2.0),
        request(method=1),
        request(method=""),
        request(params="x"),
        request(params=None),
        request(id=True),
        request(id=[1]),
        b"[%b]" % request(),
    ],
    ids=repr,
)
def test_json_that_is_no_request(data: bytes) -> None:
    with pytest.raises(MiError) as caught:
        read_request(data)
    assert (caught.value.code, caught.value.message) == (-32600, "Invalid Request")


def test_members_of_a_reply_stand_in_their_order() -> None:
    assert write_result(3, "OK") == b'{"jsonrpc": "2.0", "result": "OK", "id": 3}'
    error = write_error("a", MiError(404, "Not found", ["x"]))
    assert error == b'{"jsonrpc": "2.0", "error": {"code": 404, "message": "Not found", "data": ["x"]}, "id": "a"}'


def test_an_error_without_data_has_none() -> None:
    assert json.loads(write_error(None, MiError(500, "No")))["error"] == {"code": 500, "message": "No"}


def test_bytes_of_others_that_are_not_utf_8_can_be_written() -> None:
    assert json.loads(write_result(1, "call\udcff")) == {"jsonrpc": "2.0", "result": "call\udcff", "id": 1}


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda some: json.dumps(some).encode())
)
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(MiError) as caught:
        read_request(data)
    assert caught.value.code in (-32700, -32600)
