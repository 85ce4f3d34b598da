"""A routing script that does what a call's INVITE asks for.

X-Engine: the engine. X-Engage: "branch" to engage it branch by branch, or the index of
the one branch to engage it for. X-Fork: URIs that it is to ring at, too.
"""

from __future__ import annotations

from rtp_relay.routing import Branch, Request, on_branch, on_request


@on_request
def route(request: Request) -> None:
    """Engage the relay for new calls; requests in a dialog go their way."""
    if request.method == "INVITE" and not request.has_totag:
        if "X-Engage" not in request.headers:
            request.rtp_relay_engage(request.headers.get("X-Engine"))
        if fork := request.headers.get("X-Fork"):
            for uri in (request.uri, *fork.split()):
                request.append_branch(uri)
    request.relay()


@on_branch
def engage(branch: Branch) -> None:
    """Engage the relay for the branch, where that is asked for."""
    request = branch.request
    wanted = request.headers.get("X-Engage") in ("branch", str(branch.index))
    if request.method == "INVITE" and not request.has_totag and wanted:
        branch.rtp_relay_engage(request.headers.get("X-Engine"))
