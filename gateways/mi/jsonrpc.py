"""JSON-RPC 2.0 as OpenSIPS' MI speaks it (mi/mi.c, mi/item.c): requests read, replies written, no I/O.

Errors of the protocol have its codes; those of a command have codes as SIP has them (400, 404, 500). There are no
batches: a list is no request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Anything that JSON can say."""

Id: TypeAlias = "str | int | float | None"
Params: TypeAlias = "Mapping[str, Json] | Sequence[Json]"


class MiError(Exception):
    """A command is refused, or failed. `data` says more than the message does."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


PARSE_ERROR = -32700
METHOD_NOT_FOUND = -32601


def parse_error(data: Json = None) -> MiError:
    """Return the error of what is no JSON."""
    return MiError(PARSE_ERROR, "Parse error", data)


def invalid_request(data: Json = None) -> MiError:
    """Return the error of JSON that is no request."""
    return MiError(-32600, "Invalid Request", data)


def method_not_found(data: Json = None) -> MiError:
    """Return the error of a name that no method has."""
    return MiError(METHOD_NOT_FOUND, "Method not found", data)


def invalid_params(data: str) -> MiError:
    """Return the error of parameters that the method does not take."""
    return MiError(-32602, "Invalid params", data)


def server_error(data: Json = None) -> MiError:
    """Return the error of a method that could not do its work."""
    return MiError(-32000, "Server error", data)


@dataclass(frozen=True, slots=True)
class MiRequest:
    """A request. wants_reply: it has an id; without one it is a notification, which is never answered."""

    method: str
    params: Params
    id: Id
    wants_reply: bool


def read_request(data: bytes) -> MiRequest:
    """Read a request. Raises MiError for what is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise parse_error(str(error)) from None
    if not isinstance(document, dict) or document.get("jsonrpc") != "2.0":
        raise invalid_request('no object with "jsonrpc": "2.0"')
    method, params, number = document.get("method"), document.get("params", {}), document.get("id")
    if not isinstance(method, str) or not method:
        raise invalid_request("no method")
    if not isinstance(params, dict | list):
        raise invalid_request("params: neither an object nor a list")
    if isinstance(number, bool) or not isinstance(number, str | int | float | None):
        raise invalid_request("id: neither a string nor a number")
    return MiRequest(method, params, number, "id" in document)


def write_result(number: Id, result: Json, *, pretty: bool = False) -> bytes:
    """Write the reply to a request that was carried out."""
    return write_json({"jsonrpc": "2.0", "result": result, "id": number}, pretty=pretty)


def write_error(number: Id, error: MiError, *, pretty: bool = False) -> bytes:
    """Write the reply to a request that was not."""
    said = {"code": error.code, "message": error.message} | ({} if error.data is None else {"data": error.data})
    return write_json({"jsonrpc": "2.0", "error": said, "id": number}, pretty=pretty)


def write_json(document: Json, *, pretty: bool = False) -> bytes:
    """Write JSON in ASCII: names of calls are others' text, and may have any bytes."""
    return json.dumps(document, indent=4 if pretty else None).encode()
