"""Templates and what they say of values. All that is put into a page is somebody's text, and escaped.

Characters that would turn the text around them or are none at all (RFC 3261 lets callers choose nearly all bytes) are
written out, as in a terminal; the rest is escaped by the template engine, and set apart by `bdi` where it may be of
another direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from replay.history.timeline import delta, printable
from rtp_relay.ages import age

_LONGEST: Final = 48
"""Characters of a call-id that are shown in lists; all of it is its title."""


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """Return a page, or a part of one."""
    return _TEMPLATES.get_template(template).render(values)


def in_url(text: str) -> str:
    """Write a text so that it can stand in a URL's query, whatever it is."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def query_of(query: Mapping[str, str], **more: str) -> str:
    """Write the query of a URL: what another one had, with these in place of its own; "" takes a name out."""
    values = {**query, **more}
    return "&".join(f"{in_url(name)}={in_url(text)}" for name, text in values.items() if text)


def shortened(text: str) -> str:
    """Return a text of which the middle is left out if it is long."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"


def _finalized(value: object) -> object:
    """Return a value as it goes into a page."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return "" if value is None else value


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _number(value: float, digits: int = 0) -> Markup:
    return Markup(f"{value:,.{digits}f}".replace(",", "&#8239;"))


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("rtp_relay.web"),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        age=age,
        date=_date,
        in_url=in_url,
        number=_number,
        passed=lambda ms: delta(ms).removeprefix("+"),
        shortened=shortened,
    )
    return made


_TEMPLATES: Final = _environment()
