"""Which dialogs of a session an offer, an answer or a delete is about.

A node keeps, for each tag, the media it sends and receives, tied to the tags it was offered to. A delete takes away the
party that it names, and every party that is then tied to nobody; when none is left the node drops the whole call. Seen
as dialogs (pairs of tags) that is: a delete removes the dialogs in which the named party is, and the session ends with
its last dialog. Which party a delete names is rtpengine's rule (its ng protocol's `delete`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from events.names import BranchId, Tag
from replay.state import SessionDialog


def between(dialogs: Sequence[SessionDialog], one: str, other: str) -> SessionDialog | None:
    """Return the answered dialog of two tags, whoever of them made the offer."""
    return next((dialog for dialog in dialogs if dialog.joins(one, other)), None) if other else None


def waiting(dialogs: Sequence[SessionDialog], from_tag: Tag, branch: BranchId) -> SessionDialog | None:
    """Return the dialog of this branch in which this party still waits for its first answer."""
    return next(
        (dialog for dialog in dialogs if (dialog.from_tag, dialog.to_tag, dialog.branch) == (from_tag, "", branch)),
        None,
    )


def waiting_anywhere(dialogs: Sequence[SessionDialog], from_tag: Tag) -> SessionDialog | None:
    """Return a dialog of any branch in which this party still waits for its first answer."""
    return next((dialog for dialog in dialogs if dialog.from_tag == from_tag and not dialog.to_tag), None)


def opened_by(dialogs: Sequence[SessionDialog], from_tag: Tag, branch: BranchId) -> SessionDialog | None:
    """Return a dialog, answered or not, that this party's offer on this branch opened."""
    return next((dialog for dialog in dialogs if (dialog.from_tag, dialog.branch) == (from_tag, branch)), None)


def only_offered(dialogs: Sequence[SessionDialog], openers: Collection[tuple[Tag, BranchId]]) -> bool:
    """Return whether these are nothing but unanswered offers of these parties (tag and branch)."""
    return all(not dialog.to_tag and (dialog.from_tag, dialog.branch) in openers for dialog in dialogs)


def offered(dialogs: list[SessionDialog], from_tag: Tag, to_tag: Tag, branch: BranchId) -> None:
    """Record an offer: it opens a dialog unless it is of one that is there already.

    One by a party that was itself offered something before it has answered tells who is at the other end.
    """
    known = between(dialogs, from_tag, to_tag) if to_tag else opened_by(dialogs, from_tag, branch)
    if known is not None:
        return
    awaited = waiting(dialogs, to_tag, branch)
    if awaited is not None:
        awaited.to_tag = from_tag
    else:
        dialogs.append(SessionDialog(from_tag, to_tag, branch))


def answered(dialogs: list[SessionDialog], from_tag: Tag, to_tag: Tag, branch: BranchId) -> None:
    """Record an answer: it completes the dialog that waits for one, or forks a new one off the same offer."""
    if between(dialogs, from_tag, to_tag):
        return
    open_dialog = waiting(dialogs, from_tag, branch) or waiting_anywhere(dialogs, from_tag)
    if open_dialog is None:
        dialogs.append(SessionDialog(from_tag, to_tag, branch))
    else:
        open_dialog.to_tag = to_tag


def named_by_delete(
    dialogs: Sequence[SessionDialog], from_tag: Tag, to_tag: Tag, branch: BranchId
) -> list[SessionDialog]:
    """Return the dialogs that a delete takes away; none if it names a party that is not there.

    Without `from_tag` it takes all. `to_tag` is to be empty unless the delete says that it counts.
    """
    if not from_tag:
        return list(dialogs)
    of_branch = _where(dialogs, lambda dialog: bool(branch) and dialog.branch == branch)
    if not to_tag and of_branch:
        return of_branch
    tag = to_tag or from_tag
    return _where(dialogs, lambda dialog: dialog.has(tag)) or of_branch


def _where(dialogs: Sequence[SessionDialog], wanted: Callable[[SessionDialog], bool]) -> list[SessionDialog]:
    return [dialog for dialog in dialogs if wanted(dialog)]
