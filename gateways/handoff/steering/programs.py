"""The programs of the doors. Where they give up, a message goes to any worker that lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from gateways.handoff.sharing import READ, Sharing
from gateways.handoff.steering.choosing import choose_any, choose_by_call, choose_if_alive
from gateways.handoff.steering.finding import (
    WORD,
    find,
    measure_line,
    move,
    read_length,
    skip,
    unless_number_left,
    unless_short,
)
from gateways.handoff.steering.memory import SIZE
from gateways.handoff.steering.socket_filter import Do, If, SocketFilter

Program: TypeAlias = Callable[[Sharing], bytes]
"""Gives the program for those who share calls in a certain way."""

_UNSEEN = "unseen"

_NG_SDP, _NG_SDP_LOOKS = b"3:sdp", 28
_NG_CALL, _NG_CALL_LOOKS = b"7:call-id", 48
_NG_CALL_LOOKS_AT_FIRST = 10
"""Who sorts the keys puts the call first. Kamailio and OpenSIPS put it behind the SDP and their flags.

Looks see so far: 60 bytes, 56 for an SDP, 288 behind it; of SIP 486, a start line and a few Vias. More would make a
program greater than some kernels take.
"""

_SIP_CALL, _SIP_CALL_LOOKS = b"\r\nCall-ID: ", 54
_SIP_BRANCH, _SIP_BRANCH_LOOKS = b";branch=z9hG4bK", 12
_SIP_MARK = len(_SIP_BRANCH) + 24
"""Where a branch of ours has `w` and the number of the worker that made it (gateways.sip.messages.ids)."""


def of_ng(sharing: Sharing) -> bytes:
    """Return the program for ng requests: a cookie, then a dictionary, whose SDP may come before its call-id."""
    program, later, seen = _begun(), "later", "seen"
    find(program, _NG_CALL, _NG_CALL_LOOKS_AT_FIRST, later)
    program.jump(seen)
    program.label(later)
    _go_behind_sdp(program)
    find(program, _NG_CALL, _NG_CALL_LOOKS, _UNSEEN)
    program.label(seen)
    move(program, len(_NG_CALL))
    read_length(program, 3, _UNSEEN)
    unless_number_left(program, _UNSEEN)
    choose_by_call(program, sharing)
    return _ended(program, sharing)


def of_sip(sharing: Sharing) -> bytes:
    """Return the program for SIP: a response goes to who made the branch of its top Via, what else to its Call-ID's."""
    program, request, by_call = _begun(), "request", "by call"
    unless_short(program, WORD, _UNSEEN)
    program.do(Do.A_FROM_WORD_AT_X)
    program.go_on_if(If.EQUAL, int.from_bytes(b"SIP/", "big"), otherwise=request)
    find(program, _SIP_BRANCH, _SIP_BRANCH_LOOKS, by_call)
    _choose_marked(program, sharing, by_call)
    program.label(by_call)
    program.do(Do.SET_X, 0)
    program.label(request)
    find(program, _SIP_CALL, _SIP_CALL_LOOKS, _UNSEEN)
    move(program, len(_SIP_CALL))
    unless_short(program, READ, _UNSEEN)
    measure_line(program, READ)
    choose_by_call(program, sharing)
    return _ended(program, sharing)


def of_all(sharing: Sharing) -> bytes:
    """Return the program that sees no call."""
    return _ended(_begun(), sharing)


def _begun() -> SocketFilter:
    program = SocketFilter()
    program.do(Do.A_FROM_SIZE)
    program.do(Do.A_TO_MEMORY, SIZE)
    program.do(Do.SET_X, 0)
    return program


def _ended(program: SocketFilter, sharing: Sharing) -> bytes:
    program.label(_UNSEEN)
    choose_any(program, sharing)
    return program.finished()


def _go_behind_sdp(program: SocketFilter) -> None:
    """Go on behind the SDP of an ng request, or at the request's beginning if there is none near that."""
    without, behind = "without sdp", "behind sdp"
    program.do(Do.SET_X, 0)
    find(program, _NG_SDP, _NG_SDP_LOOKS, without)
    move(program, len(_NG_SDP))
    read_length(program, 5, _UNSEEN)
    skip(program)
    program.jump(behind)
    program.label(without)
    program.do(Do.SET_X, 0)
    program.label(behind)


def _choose_marked(program: SocketFilter, sharing: Sharing, otherwise: str) -> None:
    """End with the worker that the branch here is marked by, if it lives and has a number of one digit."""
    unless_short(program, _SIP_MARK + 2, otherwise)
    program.do(Do.A_FROM_BYTE_AT_X, _SIP_MARK)
    program.go_on_if(If.EQUAL, ord("w"), otherwise=otherwise)
    program.do(Do.A_FROM_BYTE_AT_X, _SIP_MARK + 2)
    program.do(Do.SUBTRACT, ord("0"))
    program.go_on_if(If.ABOVE, 9, otherwise=otherwise)
    program.do(Do.A_FROM_BYTE_AT_X, _SIP_MARK + 1)
    program.do(Do.SUBTRACT, ord("0"))
    choose_if_alive(program, sharing)
