"""The examples of docs/management.md: what stands there is asked of a real service, and what it says compared."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "management.md"

PROMPT = "$ opensips-cli -x mi "

_NAMED = re.compile(r"[A-Za-z_]+=")

CHANGING = frozenset(
    {"Now", "WD", "PID", "Server", "Up since", "Up time", "at", "changed", "created", "cursor", "facts"}
)
CHANGING |= {"job", "last_failure", "reason", "seen_at", "since", "started_at", "version"}
"""Members whose values are others each time: only their type has to be right."""

AND_SO_ON = "..."
"""As the last item of a list: there are more; as a member of an object: it has further members."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request as opensips-cli sends it, and what the page says that it comes to."""

    line: int
    method: str
    params: Mapping[str, str] | list[str]
    result: Any


def examples(text: str) -> Iterator[Example]:
    """Return the examples of the page in their order: a line with the command, and JSON up to the next one."""
    for block in re.finditer(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for found in re.finditer(r"^\$ .*?(?=^\$ |\Z)", block[1], flags=re.MULTILINE | re.DOTALL):
            command, _, result = found[0].replace("\\\n", " ").partition("\n")
            if command.startswith(PROMPT):
                line = text.count("\n", 0, block.start(1) + found.start()) + 1
                method, *words = shlex.split(command.removeprefix(PROMPT))
                named = words and all(_NAMED.match(word) for word in words)
                params = dict(word.split("=", 1) for word in words) if named else words
                yield Example(line, method, params, json.loads(result))


def difference(told: Any, wanted: Any, path: str = "result") -> str:
    """Return what is another thing than what the page says, "" for nothing."""
    if isinstance(wanted, dict):
        return _of_objects(told, wanted, path)
    if isinstance(wanted, list):
        return _of_lists(told, wanted, path)
    if isinstance(wanted, int) and not isinstance(wanted, bool) and type(told) is int:
        return "" if told == wanted or path.rpartition(".")[2] not in ("set", "Set") else f"{path}: {told!r}"
    return "" if told == wanted else f"{path}: {told!r} in place of {wanted!r}"


def _of_objects(told: Any, wanted: dict[str, Any], path: str) -> str:
    if not isinstance(told, dict):
        return f"{path}: {told!r} is no object"
    names = wanted.keys() - {AND_SO_ON}
    if names - told.keys() or (AND_SO_ON not in wanted and told.keys() - names):
        return f"{path}: has {sorted(told)} in place of {sorted(names)}"
    for name in sorted(names):
        if name in CHANGING:
            same = type(told[name]) is type(wanted[name])
            found = "" if same else f"{path}.{name}: {told[name]!r}"
        else:
            found = difference(told[name], wanted[name], f"{path}.{name}")
        if found:
            return found
    return ""


def _of_lists(told: Any, wanted: list[Any], path: str) -> str:
    if not isinstance(told, list):
        return f"{path}: {told!r} is no list"
    more = bool(wanted) and wanted[-1] == AND_SO_ON
    items = wanted[:-1] if more else wanted
    if len(told) < len(items) or (not more and len(told) != len(items)):
        return f"{path}: {told!r} has another length"
    for number, item in enumerate(items):
        misses = [difference(one, item, f"{path}[{number}]") for one in (told if more else [told[number]])]
        if all(misses):
            return misses[0]
    return ""
