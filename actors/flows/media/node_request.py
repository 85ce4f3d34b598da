"""What the settings in force say to the node of a session, whatever is asked."""

from __future__ import annotations

import re
from dataclasses import replace

from engines.kind import Operation
from engines.media_request import MediaRequest
from engines.registry import kind_of
from events.names import NO_TAG, BranchId, Tag
from events.verb import DELETE
from replay.relay_settings import ALL_BRANCHES, CALLEE, CALLER, RelaySettings
from replay.state import CallState, Session

_INDEX = re.compile(r"[0-9]+\Z")
"""Where a branch's name has its index: at its end."""


def teardown_of(state: CallState, session: Session) -> Operation:
    """Build the removal of a whole session, under the id and the tags that its node knows it by.

    Where that takes no more than a session, it is by the settings, too: those in force, or of when the call ended.
    """
    kind = kind_of(session.engine)
    if kind.native_branches:
        return kind.teardown(session.relay_id, session.from_tag, session.to_tag)
    relay = session.relay or state.relay or RelaySettings()
    by_caller = session.from_tag not in relay.tags
    from_tag, to_tag = tags_in_force(relay, session.from_tag, session.to_tag, offered_by_caller=by_caller)
    media = delete_request(relay, from_tag, to_tag, session.branch)
    operation = kind.teardown(session.relay_id, from_tag, to_tag)
    request = kind.request(replace(media, set=session.set)).merged(operation.request)
    return replace(operation, request=request.with_handle(session.handle))


def delete_request(relay: RelaySettings, from_tag: Tag, to_tag: Tag, branch: BranchId) -> MediaRequest:
    """Return what is to be said about a delete: the context's flags and those of both legs, each once."""
    legs = [relay.in_force(leg, branch).get("delete", "") for leg in (CALLER, CALLEE)]
    return MediaRequest(
        verb=DELETE,
        from_tag=from_tag,
        to_tag=to_tag,
        branch=branch,
        ctx_flags=relay.context.get("flags", ""),
        ctx_delete=relay.context.get("delete", ""),
        delete=" ".join(dict.fromkeys(filter(None, legs))),
        set=set_of(relay, branch),
        engaged_branch=engaged_branch(relay, branch),
    )


def tags_in_force(relay: RelaySettings, from_tag: Tag, to_tag: Tag, *, offered_by_caller: bool) -> tuple[Tag, Tag]:
    """Put the context's tags in place of the dialog's: its from_tag is the caller's, its to_tag the callee's."""
    callers, callees = Tag(relay.context.get("from_tag", "")), Tag(relay.context.get("to_tag", ""))
    if offered_by_caller:
        return callers or from_tag, (callees or to_tag) if to_tag else NO_TAG
    return callees or from_tag, (callers or to_tag) if to_tag else NO_TAG


def set_of(relay: RelaySettings, branch: BranchId) -> str:
    """Return the node set that is engaged for a branch; "" if none is."""
    engagement = relay.engagement(branch)
    return engagement.set if engagement else ""


def engaged_branch(relay: RelaySettings, branch: BranchId) -> int:
    """Return the index of a branch that was engaged by itself, -1 for one that was along with all."""
    index = _INDEX.search(branch) if branch != ALL_BRANCHES and branch in relay.engagements else None
    return int(index[0]) if index else -1
