"""Deletes that are said in the words of a call's settings: of a branch, of a dialog among several, of the call."""

from __future__ import annotations

from dataclasses import replace

import structlog

from actors.command import Command, Wording
from actors.flows.media.node_request import delete_request, tags_in_force
from engines.kind import Untranslatable
from engines.media_request import MediaRequest
from engines.registry import kind_of
from engines.request import NodeRequest
from replay.relay_settings import RelaySettings
from replay.state import CallState

log = structlog.get_logger()


def branch_delete(call_id: str, callers_tag: str, branch: str, reason: str, at: int) -> Command:
    """Return the delete of one branch; the call goes on, even if no other branch is left, for one may yet be made."""
    command = _delete(call_id, reason, at, ends_call=False)
    return replace(
        command, from_tag=callers_tag, branch=branch, wording=_delete_wording(callers_tag, "", branch=branch)
    )


def dialog_delete(call_id: str, callees_tag: str, reason: str, at: int) -> Command:
    """Return the delete of one callee's dialog among several."""
    command = _delete(call_id, reason, at, ends_call=False)
    return replace(command, from_tag=callees_tag, wording=_delete_wording(callees_tag, "", by_caller=False))


def call_delete(call_id: str, callers_tag: str, callees_tag: str, reason: str, at: int) -> Command:
    """Return the delete of the whole call."""
    command = _delete(call_id, reason, at, ends_call=True)
    return replace(command, wording=_delete_wording(callers_tag, callees_tag))


def _delete(call_id: str, reason: str, at: int, *, ends_call: bool) -> Command:
    request = NodeRequest({})
    return Command(verb="delete", call_id=call_id, request=request, received_at=at, ends_call=ends_call, reason=reason)


def _delete_wording(from_tag: str, to_tag: str, *, branch: str = "", by_caller: bool = True) -> Wording:
    """Word a delete with the context's delete flags and those of both legs, each once."""

    def words(state: CallState, engine: str) -> NodeRequest:
        relay = state.relay or RelaySettings()
        tags = tags_in_force(relay, from_tag, to_tag, offered_by_caller=by_caller)
        plain = MediaRequest(verb="delete", from_tag=tags[0], to_tag=tags[1], branch=branch)
        kind = kind_of(engine)
        try:
            request = kind.request(delete_request(relay, *tags, branch))
        except Untranslatable as error:
            log.warning("delete flags left out", call_id=state.call_id, why=str(error))
            request = kind.request(plain)
        # Without a tag an rtpengine deletes the call all the same, but tells no statistics.
        return request.of_party(tags[0])

    return words
