"""Where in a TOML file each value stands.

`tomllib` tells no positions, so this scanner walks through the text a second time. It is given only text that `tomllib`
has accepted; so it need not find errors, and knows no more of TOML's grammar (https://toml.io/en/v1.0.0) than it takes
to tell keys, strings, comments and brackets apart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from rtp_relay.config.problems import KeyPath

_TOKEN = re.compile(
    r'''
      (?P<blank>   [ \t\r]+ | \#[^\n]* )
    | (?P<newline> \n )
    | (?P<quoted>  """(?:\\.|[^\\])*?"""{1,3}(?!") | \'\'\'.*?\'\'\'{1,3}(?!\') | "(?:\\.|[^"\\])*" | '[^']*' )
    | (?P<mark>    [][{},=.] )
    | (?P<bare>    [^][{},=.\s\#"']+ )
    ''',
    re.VERBOSE | re.DOTALL,
)


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every table, key and list item of a valid TOML text."""
    return _Scanner(text).scan()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


END = _Token("end", "", 0)


class _Scanner:
    """Reads one text. `_open` counts the tables of each array of tables that were seen so far."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._open: dict[KeyPath, int] = {}
        self._lines: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._peek() is not END:
            if self._skip("\n"):
                continue
            if self._peek().text == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._next().line
        of_array = self._skip("[")
        path = self._key()
        for _ in range(2 if of_array else 1):
            self._next()
        if of_array:
            parent = self._resolve(path[:-1])
            array = (*parent, path[-1])
            self._lines.setdefault(array, line)
            self._open[array] = self._open.get(array, 0) + 1
        table = self._resolve(path)
        self._lines.setdefault(table, line)
        return table

    def _resolve(self, path: KeyPath) -> KeyPath:
        """Follow a header's path; the name of an array of tables stands for its last table."""
        resolved: KeyPath = ()
        for part in path:
            resolved = (*resolved, part)
            if resolved in self._open:
                resolved = (*resolved, self._open[resolved] - 1)
        return resolved

    def _pair(self, table: KeyPath) -> None:
        line = self._peek().line
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._next()
        self._value(path)

    def _key(self) -> KeyPath:
        parts = [_name(self._next())]
        while self._skip("."):
            parts.append(_name(self._next()))
        return tuple(parts)

    def _value(self, path: KeyPath) -> None:
        if self._skip("["):
            self._list(path)
        elif self._skip("{"):
            self._inline_table(path)
        else:
            while self._peek() is not END and self._peek().text not in {",", "]", "}", "\n"}:
                self._next()

    def _list(self, path: KeyPath) -> None:
        index = 0
        while not self._skip("]"):
            if self._skip("\n") or self._skip(","):
                continue
            self._lines[(*path, index)] = self._peek().line
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        while not self._skip("}"):
            if self._skip("\n") or self._skip(","):
                continue
            self._pair(path)

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _skip(self, text: str) -> bool:
        found = self._peek().text == text
        self._at += found
        return found


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = cast("str", match.lastgroup)
        if kind != "blank":
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")


def _name(token: _Token) -> str:
    if token.kind != "quoted":
        return token.text
    return cast("str", tomllib.loads(f"key = {token.text}")["key"])
