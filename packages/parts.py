"""The parts of the program in a wheel: subpackages of the one package, where a checkout has folders of their own.

`events`, `actors` and so on are names that anybody may have in site-packages. So a wheel has `rtp_relay.events`, and
the import statements of its modules say so. Nothing else of a module is changed: lines keep their numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

_FROM = re.compile(rb"from[ \t]+(?=\w)")


class UnmovableError(Exception):
    """An import statement binds a name that is another one in a wheel."""


def moved(source: bytes, parts: Collection[str], package: str) -> bytes:
    """Return a module's source with the imports of `parts` as those of subpackages of `package`."""
    lines = source.splitlines(keepends=True)
    prefix = package.encode() + b"."
    for line, column in sorted(_places(source, lines, parts), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + prefix + text[column:]
    return b"".join(lines)


def _places(source: bytes, lines: list[bytes], parts: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield line (from 1) and column (from 0, in bytes) of each name of a part in an import statement."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _part(node.module or "") in parts:
            start = _FROM.match(lines[node.lineno - 1], node.col_offset)
            if start is None:
                raise UnmovableError(f"line {node.lineno}: write `from {node.module} import` in one line")
            yield node.lineno, start.end()
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _part(alias.name) not in parts:
                    continue
                if alias.asname is None:
                    raise UnmovableError(f"line {alias.lineno}: `import {alias.name}` needs an `as`")
                yield alias.lineno, alias.col_offset


def _part(module: str) -> str:
    return module.partition(".")[0]
