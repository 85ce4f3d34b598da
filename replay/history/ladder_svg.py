"""A ladder as an SVG picture (https://www.w3.org/TR/SVG11/), which needs nothing beside it: no script, no style."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from replay.history.ladder import Ladder, Step
from replay.history.timeline import delta, printable
from replay.history.ways import Direction

LEFT: Final = 150
GAP: Final = 190
RIGHT: Final = 640
TOP: Final = 50
ROW: Final = 26
SHOWN: Final = 62
"""Characters of a detail that are shown; all of it is in the step's title."""

INK, FAINT, FAILED, SLOW, PAPER = "#1a1a1a", "#767676", "#b00020", "#8a5300", "#ffffff"
"""Colours; each has a contrast of 4.5 to 1 or more on the paper. None says anything that no word says."""


def svg_of(ladder: Ladder, title: str) -> str:
    """Return the picture of a ladder; `title` is read out in its place."""
    places = {name: LEFT + GAP * place for place, name in enumerate(ladder.participants)}
    width = LEFT + GAP * max(len(places) - 1, 0) + RIGHT
    height = TOP + ROW * (len(ladder.steps) + 1)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    look = f'role="img" aria-label={quoteattr(_clean(title))} font-family="sans-serif" font-size="13"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>',
        f"<title>{_escaped(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        *(line for name, place in places.items() for line in _participant(name, place, height)),
    ]
    for row, step in enumerate(ladder.steps):
        lines += [f"<g><title>{_escaped(step.detail)}</title>", *_step(step, places, TOP + ROW * (row + 1)), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _participant(name: str, x: int, height: int) -> Iterator[str]:
    yield _text(x, TOP - 22, name, anchor="middle", weight="bold")
    yield f'<line x1="{x}" y1="{TOP - 12}" x2="{x}" y2="{height - 8}" stroke="{FAINT}"/>'


def _step(step: Step, places: dict[str, int], y: int) -> Iterator[str]:
    source, target = places[step.way.source], places[step.way.target]
    colour = FAILED if step.way.failed else SLOW if step.took is not None and step.took.slow else INK
    yield _text(8, y + 4, f"{step.version}  {delta(step.since)}", colour=FAINT)
    if source == target:
        yield f'<circle cx="{source}" cy="{y}" r="4" fill="{colour}"/>'
        yield _text(source + 10, y + 4, step.way.label, colour=colour)
    else:
        yield f'<line x1="{source}" y1="{y}" x2="{target}" y2="{y}" stroke="{colour}" stroke-width="1.5"/>'
        yield _head(source, target, y, colour)
        if step.way.direction is Direction.BOTH:
            yield _head(target, source, y, colour)
        yield _text((source + target) // 2, y - 5, step.way.label, anchor="middle", colour=colour)
    yield _text(max(places.values()) + 14, y + 4, " ".join(_told(step)), colour=colour)


def _told(step: Step) -> Iterator[str]:
    if step.way.failed:
        yield "failed:"
    if step.took is not None:
        yield f"{'slow, ' if step.took.slow else ''}after {delta(step.took.ms).removeprefix('+')}:"
    yield step.detail if len(step.detail) <= SHOWN else f"{step.detail[:SHOWN]}…"


def _head(source: int, target: int, y: int, colour: str) -> str:
    back = -8 if target > source else 8
    return f'<path d="M{target} {y} l{back} -4 v8 z" fill="{colour}"/>'


def _text(x: int, y: int, text: str, *, anchor: str = "start", weight: str = "normal", colour: str = INK) -> str:
    look = f'text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {look}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Return text that XML can hold: without control characters, and without what is no character at all."""
    return printable(text).encode("utf-8", "backslashreplace").decode()
