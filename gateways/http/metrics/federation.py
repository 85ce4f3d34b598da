"""The pages of several relay nodes as one, in Prometheus' text form: each series with the name of its node.

The form: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4). Nothing of a node's page is
believed: what is no line of that form is left out, and so is what has a name of ours.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from gateways.http.metrics.catalogue import PREFIX
from gateways.http.metrics.exposition import STRETCH, escaped

NODE: Final = "node"
"""The label that says whose a series is."""

KINDS: Final = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_PAIR = r'[a-zA-Z_][a-zA-Z0-9_]*[ \t]*=[ \t]*"(?:[^"\\]|\\.)*"'
_PAIRS = rf"{_PAIR}(?:[ \t]*,[ \t]*{_PAIR})*[ \t]*(?:,[ \t]*)?"
_NUMBER = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[Ii]nf|[Nn]a[Nn])"
_SAMPLE = re.compile(
    rf"[ \t]*({_NAME})[ \t]*(?:\{{[ \t]*((?:{_PAIRS})?)\}}[ \t]*|[ \t])({_NUMBER}(?:[ \t]+-?\d+)?)[ \t\r\n]*", re.ASCII
)
_HEAD = re.compile(rf"#[ \t]+(HELP|TYPE)[ \t]+({_NAME})[ \t]*(.*?)\s*", re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*")', re.ASCII)
_PART = re.compile(r"_(?:bucket|sum|count)$")


@dataclass(slots=True)
class _Family:
    help: str = ""
    kind: str = ""
    series: dict[str, str] = field(default_factory=dict)


class Federation:
    """What the nodes' pages say, so far."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._taken: set[str] = set()  # the series of all families: one may be said to belong to two of them

    async def take(self, node: str, page: bytes) -> None:
        """Take the page of a node, in short stretches between which others have their turns."""
        kinds: dict[str, str] = {}
        for number, line in enumerate(BytesIO(page), 1):
            self._take_line(node, line.decode("utf-8", "replace"), kinds)
            if not number % STRETCH:
                await asyncio.sleep(0)

    def lines(self) -> Iterator[str]:
        """Yield the lines of all pages, those of one metric together."""
        for name, family in self._families.items():
            if not family.series:
                continue
            if family.help:
                yield f"# HELP {name} {family.help}"
            yield f"# TYPE {name} {family.kind or 'untyped'}"
            for series, value in family.series.items():
                yield f"{series} {value}"

    def _take_line(self, node: str, line: str, kinds: dict[str, str]) -> None:
        if sample := _SAMPLE.fullmatch(line):
            name, inside, value = sample.groups()
            family = self._family(_family_of(name, kinds))
            labels = _labels(node, inside or "")
            series = f"{name}{{{labels}}}"
            if family is not None and labels and series not in self._taken:
                self._taken.add(series)
                family.series[series] = value
        elif head := _HEAD.fullmatch(line):
            word, name, text = head.groups()
            family = self._family(name)
            if family is None:
                return
            if word == "HELP":
                family.help = family.help or text
            else:
                kinds[name] = text if text in KINDS else "untyped"
                family.kind = kinds[name] if family.kind in ("", kinds[name]) else "untyped"

    def _family(self, name: str) -> _Family | None:
        return None if name.startswith(PREFIX) else self._families.setdefault(name, _Family())


def _family_of(name: str, kinds: Mapping[str, str]) -> str:
    """Return which metric a sample belongs to: histograms and summaries have several names."""
    if name not in kinds:
        whole = _PART.sub("", name)
        if kinds.get(whole) in ("histogram", "summary"):
            return whole
    return name


def _labels(node: str, inside: str) -> str:
    """Return labels with that of the node before them, "" if there are two of a name, or one that is reserved.

    One that is called as that of the node is renamed, as Prometheus does.
    """
    pairs = _LABEL.findall(inside)
    names = {name for name, _ in pairs}
    if len(names) < len(pairs) or any(name.startswith("__") for name in names):
        return ""
    other = NODE
    while other in names:
        other = f"exported_{other}"
    renamed = sorted(f"{other if name == NODE else name}={text}" for name, text in pairs)
    return ",".join([f'{NODE}="{escaped(node)}"', *renamed])
