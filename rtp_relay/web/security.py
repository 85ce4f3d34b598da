"""What keeps others' pages and others' texts out: headers of every answer, and which requests are taken at all.

A browser is asked for things by whatever page its user has open. So a name of this machine that another page made up
(DNS rebinding) is not answered to, and a form counts only if it comes from a page of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

COOKIE: Final = "rtp-relay-login"

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing from elsewhere (https://www.w3.org/TR/CSP3/): even a text that became markup does nothing."""

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "same-origin",  # with none at all, forms of our own pages would have no Origin either
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)

STATIC: Final = "/static/"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give an answer the headers that all have; what a page shows is kept nowhere."""
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = "no-cache" if request.path.startswith(STATIC) else "no-store"
    response.headers.pop("Server", None)


def is_ours(host: str, names: Collection[str]) -> bool:
    """Return whether a Host header names this page: by an IP address, as localhost, or by a configured name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in {each.lower() for each in names}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def from_our_page(request: web.Request) -> bool:
    """Return whether a form was sent by a page of this very origin, as far as the browser tells."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")
