"""Which requests reach a handler, and what is said in place of one that failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from events.journal import CorruptEntry, JournalError
from gateways.mi.jsonrpc import MiError
from rtp_relay.web.context import context_of, login_of, page, visitor_of
from rtp_relay.web.rendering import in_url
from rtp_relay.web.security import STATIC, from_our_page, is_ours

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN: Final = "/login"
"""What is answered to whoever is not logged in, beside static files."""

FORM_TOKEN: Final = "form_token"

PARTS: Final = "HX-Request"
"""The header of requests for a part of a page."""

log = structlog.get_logger()


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its handler if who sent it may send it."""
    context = context_of(request)
    if not is_ours(request.headers.get("Host", ""), context.config.web.hosts):
        return web.Response(status=421, text="This page is not known by that name: see [web] hosts\n")
    if request.path.startswith(STATIC):
        return await handler(request)
    if request.method not in ("GET", "HEAD", "POST"):
        raise web.HTTPMethodNotAllowed(request.method, ("GET", "POST"))
    if request.method == "POST" and not from_our_page(request):
        raise web.HTTPForbidden(text="That form is not of this page.")
    if visitor_of(request) is None:
        return await handler(request) if request.path == OPEN else _ask_to_log_in(request)
    if request.method == "POST" and request.path != OPEN:
        await _check_form(request)
    return await handler(request)


async def _check_form(request: web.Request) -> None:
    """Raise HTTPForbidden for a form of no page that this login was given, or that changes what it may not."""
    login = login_of(request)
    sent = (await request.post()).get(FORM_TOKEN, "")
    if not isinstance(sent, str) or not login.sent(sent):
        raise web.HTTPForbidden(text="That form is not of this page, or of another login: load the page again.")
    if not login.may_change and request.path != "/logout":
        raise web.HTTPForbidden(text=f"{login.name} may look, and change nothing.")


def _ask_to_log_in(request: web.Request) -> web.Response:
    if request.method == "GET" and PARTS not in request.headers:
        raise web.HTTPSeeOther(f"{OPEN}?next={in_url(request.path_qs)}")
    return web.Response(status=401, text="Log in first.\n")


@web.middleware
async def explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say on a page what went wrong."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return _failed(request, error.status, error.reason, error.text or "")
    except MiError as error:
        return _failed(request, error.code if 400 <= error.code < 600 else 500, error.message, str(error.data or ""))
    except CorruptEntry as error:
        return _failed(request, 500, "The history cannot be read", str(error))
    except JournalError as error:
        return _failed(request, 503, "The journal cannot be reached", str(error))
    except Exception as error:
        log.exception("page failed", path=request.path)
        return _failed(request, 500, "The page has failed", f"{type(error).__name__}: the log has it all")


def _failed(request: web.Request, status: int, title: str, why: str) -> web.Response:
    return page(request, "failed.html", status=status, title=title, why=why)
