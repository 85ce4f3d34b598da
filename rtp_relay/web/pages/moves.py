"""Jobs that move many calls: how far they are, and their end."""

from __future__ import annotations

from aiohttp import web

from actors.control.bulk import BulkProgress, NoSuchJob
from rtp_relay.web.context import context_of, login_of, page
from rtp_relay.web.forms import Forms, answer_of


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/moves", _show)
    router.add_get("/moves/part", _show)
    router.add_post("/moves/cancel", _cancel)
    router.add_post("/moves/rebalance", _rebalance)


async def _show(request: web.Request) -> web.Response:
    """Show the jobs that go on; and one that is over, if it is asked for."""
    moves = context_of(request).there.control.bulk
    wanted = request.query.get("job", "")
    jobs: list[BulkProgress] = await moves.going_on()
    if wanted and all(job.job != wanted for job in jobs):
        try:
            jobs.insert(0, await moves.progress(wanted))
        except NoSuchJob:
            raise web.HTTPNotFound(text=f"No job is known under {wanted!r}.") from None
    template = "part/moves.html" if request.path.endswith("/part") else "moves.html"
    return page(request, template, jobs=jobs, wanted=wanted)


async def _cancel(request: web.Request) -> web.Response:
    forms = await Forms.of(request)
    job = forms.text("job")
    if await forms.change("rtp_relay:update_cancel", job=job, reason=forms.reason) is not None:
        login_of(request).tell(f"Job {job} moves no more calls.")
    return answer_of("/moves")


async def _rebalance(request: web.Request) -> web.Response:
    forms = await Forms.of(request)
    told = await forms.change("rtp_relay:rebalance", set=forms.text("set"), reason=forms.reason)
    if told is not None:
        login_of(request).tell(f"Job {told['job']} moves them." if "job" in told else f"Nothing to do: {told['why']}.")
    return answer_of("/moves")
