"""How a program chooses the worker: by the part that a call-id falls into, as `gateways.handoff.sharing` does."""

from __future__ import annotations

from collections.abc import Sequence

from gateways.handoff.sharing import MIXED_BY, MODULUS, READ, Sharing
from gateways.handoff.steering.finding import WORD, move, shift_in
from gateways.handoff.steering.memory import NUMBER, START, SUM
from gateways.handoff.steering.socket_filter import Do, If, SocketFilter

_FACTOR = 2 ** (8 * WORD) % MODULUS
"""What a word more makes of those before it."""


def choose_by_call(program: SocketFilter, sharing: Sharing) -> None:
    """End with the worker that serves the call-id that stands here, with as many bytes as the number says."""
    _reckon(program)
    program.do(Do.A_FROM_MEMORY, SUM)
    program.do(Do.MULTIPLY, MIXED_BY)
    program.do(Do.SHIFT_RIGHT, 8)
    program.do(Do.AND, 0xFF)
    program.do(Do.MODULO, sharing.period)
    for part, server in enumerate(sharing.servers[: sharing.period]):
        if server != part % sharing.workers + 1:
            _end_if(program, part, server)
    program.do(Do.MODULO, sharing.workers)
    program.do(Do.RETURN_A)


def choose_any(program: SocketFilter, sharing: Sharing) -> None:
    """End with a worker that lives, the same one for a message that comes again."""
    living = sorted(set(sharing.servers))
    program.do(Do.A_FROM_SIZE)
    program.do(Do.MODULO, len(living))
    for number, worker in enumerate(living[1:], 1):
        _end_if(program, number, worker)
    program.do(Do.RETURN, living[0] - 1)


def choose_if_alive(program: SocketFilter, sharing: Sharing) -> None:
    """End with the worker whose number A is, if it lives."""
    for worker in sorted(set(sharing.servers)):
        _end_if(program, worker, worker)


def _end_if(program: SocketFilter, a: int, worker: int) -> None:
    not_so = program.new_label()
    program.test(If.EQUAL, a, no=not_so)
    program.do(Do.RETURN, worker - 1)
    program.label(not_so)


def _reckon(program: SocketFilter) -> None:
    """Set the sum to what the call-id comes to (`sharing.part_of`)."""
    rest, done = program.new_label(), program.new_label()
    words: Sequence[int] = range(0, READ, WORD)
    program.do(Do.X_TO_MEMORY, START)
    program.do(Do.SET_A, 0)
    program.do(Do.A_TO_MEMORY, SUM)
    for at in words:
        program.do(Do.A_FROM_MEMORY, NUMBER)
        program.test(If.AT_LEAST, at + WORD, no=f"{rest} {at}")
        program.do(Do.A_FROM_WORD_AT_X, at)
        _add(program)
    program.jump(done)
    for at in words:
        program.label(f"{rest} {at}")
        move(program, at)
        program.jump(rest)
    program.label(rest)
    for size in range(1, WORD):
        _add_rest(program, size, done)
    program.label(done)


def _add_rest(program: SocketFilter, size: int, done: str) -> None:
    """Add the bytes that are left if there are so many, as the first ones of a word."""
    not_so_many = program.new_label()
    program.do(Do.A_FROM_MEMORY, NUMBER)
    program.do(Do.AND, WORD - 1)
    program.test(If.EQUAL, size, no=not_so_many)
    program.do(Do.A_FROM_WORD_AT_X)
    program.do(Do.AND, -(1 << 8 * (WORD - size)))
    _add(program)
    program.jump(done)
    program.label(not_so_many)


def _add(program: SocketFilter) -> None:
    """Add A to the sum as its next word."""
    program.do(Do.MODULO, MODULUS)
    shift_in(program, SUM, _FACTOR)
    program.do(Do.MODULO, MODULUS)
    program.do(Do.A_TO_MEMORY, SUM)
    program.do(Do.X_FROM_MEMORY, START)
