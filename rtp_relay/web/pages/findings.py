"""What relays hold and the journal does not, and the other way round."""

from __future__ import annotations

import structlog
from aiohttp import web

from rtp_relay.web.context import context_of, login_of, named_in, page
from rtp_relay.web.forms import Forms, answer_of

log = structlog.get_logger()


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/findings", _show)
    router.add_get("/findings/part", _show)
    router.add_post("/findings/compare", _compare)
    router.add_post("/findings/probe", _probe)


async def _show(request: web.Request) -> web.Response:
    template = "part/findings.html" if request.path.endswith("/part") else "findings.html"
    return page(request, template, comparison=context_of(request).comparison)


async def _compare(request: web.Request) -> web.Response:
    """Compare relays with the journal, and delete orphans if that is wanted."""
    context, login, forms = context_of(request), login_of(request), await Forms.of(request)
    fix = forms.text("fix") == "on"
    there = context.there
    log.info("change by the page", method="reconcile", params={"fix": fix}, by=login.name)
    if context.comparison.begin(context.config, there.journal, there.control, login.name, fix=fix):
        login.tell("The relays are compared with the journal.")
    else:
        login.tell("They are being compared already.", failed=True)
    return answer_of("/findings")


async def _probe(request: web.Request) -> web.Response:
    """Have the service ask the nodes of a call for its sessions, and conclude what it hears."""
    forms = await Forms.of(request)
    call_id = named_in(request, "call")
    if await forms.change("rtp_relay:probe", callid=call_id) is not None:
        login_of(request).tell(f"The nodes of call {call_id} were asked for its sessions.")
    return answer_of("/findings")
