"""Logging in and out."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from rtp_relay.web.accounts import Account, who_is
from rtp_relay.web.context import context_of, login_of, page
from rtp_relay.web.security import COOKIE

log = structlog.get_logger()


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/login", _ask)
    router.add_post("/login", _log_in)
    router.add_post("/logout", _log_out)


async def _ask(request: web.Request) -> web.Response:
    """Show the form; with the link that was printed at the start, log in."""
    if "token" in request.query:
        return await _admit(request, "", request.query["token"])
    return _form(request)


async def _log_in(request: web.Request) -> web.Response:
    form = await request.post()
    return await _admit(request, str(form.get("name", "")).strip(), str(form.get("secret", "")))


async def _admit(request: web.Request, name: str, secret: str) -> web.Response:
    context = context_of(request)
    address = _address(request)
    if context.tries.too_many(address):
        return _form(request, "Too many wrong secrets came from there: try again in a minute.", status=429)
    account = await asyncio.to_thread(who_is, context.accounts, name, secret)
    if account is None:
        context.tries.failed(address)
        log.warning("login refused", name=name, address=address)
        return _form(request, "Nobody has that name and secret.", status=403)
    return _begin(request, account, address)


def _address(request: web.Request) -> str:
    """Return where a secret comes from; behind a proxy, as the proxy says: its own address is everybody's."""
    passed_on = request.headers.get("X-Forwarded-For", "") if context_of(request).config.web.https else ""
    return passed_on.rpartition(",")[2].strip() or request.remote or ""


def _begin(request: web.Request, account: Account, address: str) -> web.Response:
    context = context_of(request)
    login = context.logins.begin(account)
    log.info("logged in", name=login.name, role=login.role, address=address)
    answer = web.Response(status=303, headers={"Location": _local(request.query.get("next", "/"))})
    secure = context.config.web.https
    answer.set_cookie(COOKIE, login.key, httponly=True, samesite="Strict", secure=secure, path="/")
    return answer


def _form(request: web.Request, problem: str = "", *, status: int = 200) -> web.Response:
    return page(request, "login.html", status=status, problem=problem, next=_local(request.query.get("next", "/")))


def _local(path: str) -> str:
    """Return a path of this page; "/" for what leads elsewhere."""
    leads_away = not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable()
    return "/" if leads_away else path


async def _log_out(request: web.Request) -> web.Response:
    context_of(request).logins.end(login_of(request).key)
    answer = web.Response(status=303, headers={"Location": "/login"})
    answer.del_cookie(COOKIE, path="/")
    return answer
