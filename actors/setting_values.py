"""The names and values of settings as users write them, checked: what each door does before an event has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from events.names import BranchId, Tag
from replay.relay_settings import CONTEXT_SETTINGS, LEG_SETTINGS

SettingValue: TypeAlias = str | int | bool | bytes

SPELLINGS: Mapping[str, str] = {"call_id": "callid", "call-id": "callid", "from-tag": "from_tag", "to-tag": "to_tag"}
"""Other ways in which scripts write the names of the context's settings."""


LATE = "the call is established: engage a relay before it is answered"
"""Why no relay can be engaged any more."""


class BadSetting(ValueError):
    """A setting, value or branch that there is not; the message names what there is."""


def branch_name(index: int) -> BranchId:
    """Return the name that a branch has on relays: OpenSIPS' via-branch for rtpengine. Raises BadSetting."""
    if not isinstance(index, int) or isinstance(index, bool):
        raise BadSetting(f"branch {index!r}: a branch is given by its index, a whole number from 0 on")
    if index < 0:
        raise BadSetting(f"branch {index}: branches count from 0; None stands for all of them")
    return BranchId(f"br{index}")


def branch_of(tag: Tag, tags: Mapping[Tag, BranchId]) -> BranchId:
    """Return the name of the branch whose callee has this tag, from the branches by tag. Raises BadSetting."""
    if tag not in tags:
        raise BadSetting(f"no branch has the tag {tag!r}; there are {', '.join(tags) or 'none'}")
    return tags[tag]


def is_text(given: str) -> bool:
    """Return whether bytes can be made of a text, as the journal does: not of half of a surrogate pair by itself."""
    try:
        given.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def leg_settings(values: Mapping[str, SettingValue]) -> tuple[dict[str, str], bytes | None]:
    """Return a leg's settings as events have them, and its body, None if there is none. Raises BadSetting."""
    check_names(values, LEG_SETTINGS)
    body = values.get("body")
    sdp = body.encode("utf-8", "surrogateescape") if isinstance(body, str) and is_text(body) else body
    if sdp is not None and not isinstance(sdp, bytes):
        raise BadSetting(f"body: {body!r} is no session description (str or bytes)")
    return {name: _text(name, value) for name, value in values.items() if name != "body"}, sdp


def context_settings(values: Mapping[str, SettingValue]) -> dict[str, str]:
    """Return the context's settings as events have them, under the documentation's names. Raises BadSetting."""
    named = {SPELLINGS.get(name, name): value for name, value in values.items()}
    check_names(named, CONTEXT_SETTINGS)
    return {name: _text(name, value) for name, value in named.items()}


def check_names(names: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Raise BadSetting for a name that is not among the known ones."""
    for name in names:
        if name not in known:
            raise BadSetting(f"there is no setting {name!r}; there are {', '.join(known)}")


def _text(name: str, value: SettingValue) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if not isinstance(value, str | int):
        raise BadSetting(f"{name}: {value!r} is neither a text nor a number")
    if isinstance(value, str) and not is_text(value):
        raise BadSetting(f"{name}: {value!r} has half of a surrogate pair, which is no character")
    return str(value)
