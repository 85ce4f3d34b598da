"""Deletes that are said in the words of a call's settings: of a branch, of a dialog among several, of the call."""

from __future__ import annotations

from actors.commands.media import Delete, DeleteBySettings
from events.names import BranchId, CallId, Tag


def branch_delete(call_id: CallId, callers_tag: Tag, branch: BranchId, reason: str, at: int) -> Delete:
    """Return the delete of one branch; the call goes on, even if no other branch is left, for one may yet be made."""
    return Delete(
        call_id=call_id,
        from_tag=callers_tag,
        branch=branch,
        request=DeleteBySettings(from_tag=callers_tag, branch=branch),
        received_at=at,
        ends_call=False,
        reason=reason,
    )


def dialog_delete(call_id: CallId, callees_tag: Tag, reason: str, at: int) -> Delete:
    """Return the delete of one callee's dialog among several."""
    said = DeleteBySettings(from_tag=callees_tag, by_caller=False)
    return Delete(call_id=call_id, from_tag=callees_tag, request=said, received_at=at, ends_call=False, reason=reason)


def call_delete(call_id: CallId, callers_tag: Tag, callees_tag: Tag, reason: str, at: int) -> Delete:
    """Return the delete of the whole call."""
    said = DeleteBySettings(from_tag=callers_tag, to_tag=callees_tag)
    return Delete(call_id=call_id, request=said, received_at=at, reason=reason)
