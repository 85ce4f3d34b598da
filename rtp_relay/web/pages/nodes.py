"""The relay nodes: how they are, and what is wanted of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aiohttp import web

from engines.health import AdminState
from rtp_relay.config import values
from rtp_relay.config.problems import Wrong
from rtp_relay.web.context import context_of, login_of, page
from rtp_relay.web.forms import Forms, answer_of
from rtp_relay.web.reading import Cluster, cluster_of
from rtp_relay.web.rendering import in_url


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/nodes", _list)
    router.add_get("/nodes/part", _list)
    router.add_get("/node", _node)
    router.add_get("/node/part", _node)
    router.add_post("/node/state", _set_state)
    router.add_post("/node/drain", _drain)
    router.add_post("/node/weight", _set_weight)


async def _list(request: web.Request) -> web.Response:
    context = context_of(request)
    template = "part/nodes.html" if request.path.endswith("/part") else "nodes.html"
    return page(request, template, cluster=await cluster_of(context.there.control), lately=context.rates.lately)


async def _node(request: web.Request) -> web.Response:
    control = context_of(request).there.control
    cluster = await cluster_of(control)
    name = request.query.get("name", "")
    _find(cluster, name)
    jobs = [job for job in await control.bulk.going_on() if any(part.node == name for part in job.parts)]
    template = "part/node.html" if request.path.endswith("/part") else "node.html"
    return page(request, template, cluster=cluster, name=name, jobs=jobs)


def _find(cluster: Cluster, name: str) -> None:
    """Raise HTTPNotFound for what is no node."""
    if all(node.name != name for node in cluster.nodes) and name not in cluster.decided:
        raise web.HTTPNotFound(text=f"No control node knows a node {name!r}.")


async def _set_state(request: web.Request) -> web.Response:
    """Have a node active, draining or disabled."""
    forms = await Forms.of(request)
    state = forms.text("state")
    if state not in list(AdminState):
        raise web.HTTPBadRequest(text=f"{state!r} is no state that a node can have.")
    decided = await forms.change("rtp_relay:node_state", node=forms.text("node"), state=state, reason=forms.reason)
    if decided is not None:
        _tell(request, decided, f"{forms.text('node')} is {state}.")
    return _to_node(forms)


async def _set_weight(request: web.Request) -> web.Response:
    """Give a node another weight."""
    forms = await Forms.of(request)
    weight = forms.number("weight")
    decided = await forms.change("rtp_relay:node_change", node=forms.text("node"), weight=weight, reason=forms.reason)
    if decided is not None:
        _tell(request, decided, f"{forms.text('node')} has weight {weight}.")
    return _to_node(forms)


async def _drain(request: web.Request) -> web.Response:
    """Have a node get no new calls; with a deadline, have its calls moved away until then."""
    forms = await Forms.of(request)
    node, deadline = forms.text("node"), forms.text("deadline")
    within = _seconds(deadline)
    decided = await forms.change("rtp_relay:node_drain", node=node, within=within, reason=forms.reason)
    if decided is not None:
        _tell(request, decided, f"{node} is draining.")
        if "job" in decided:
            login_of(request).tell(f"Its calls are moved away within {deadline}, by job {decided['job']}.")
    return _to_node(forms)


def _seconds(deadline: str) -> int | None:
    """Read in how many seconds a node is to be empty, None for whenever its calls end."""
    if not deadline:
        return None
    try:
        return max(1, math.ceil(values.seconds(0)(float(deadline) if deadline.isdecimal() else deadline)))
    except Wrong:
        raise web.HTTPBadRequest(text=f"{deadline!r} is no time: 90s, 10m and 1h are some.") from None


def _tell(request: web.Request, decided: Mapping[str, object], what: str) -> None:
    login_of(request).tell(what if decided["changed"] else f"Nothing to do: {what}")


def _to_node(forms: Forms) -> web.Response:
    return answer_of(f"/node?name={in_url(forms.text('node'))}")
