"""How a program finds a text in a datagram, and what stands behind it. X is where it reads."""

from __future__ import annotations

from gateways.handoff.steering.memory import NUMBER, ONE, SIZE, START
from gateways.handoff.steering.socket_filter import Do, If, SocketFilter

WORD = 4
"""Bytes that a program reads at once."""

_LOOKS_A_PIECE = 16
"""So many looks lie between two places to which their tests go: a test does not go far."""

_LOOKS_A_CHECK = 4
"""So many looks are made without asking whether there is anything left to look at."""


def move(program: SocketFilter, by: int) -> None:
    """Go on by so many bytes."""
    program.do(Do.X_TO_A)
    program.do(Do.ADD, by)
    program.do(Do.A_TO_X)


def unless_short(program: SocketFilter, of: int, otherwise: str) -> None:
    """Go elsewhere if there are not more than so many bytes left."""
    program.do(Do.X_TO_MEMORY, START)
    move(program, of)
    program.do(Do.A_FROM_MEMORY, SIZE)
    program.go_on_if(If.ABOVE_X, otherwise=otherwise)
    program.do(Do.X_FROM_MEMORY, START)


def find(program: SocketFilter, text: bytes, looks: int, otherwise: str) -> None:
    """Go to where a text begins that is near enough to be seen, or elsewhere.

    A look reads one word and compares it with those of the text. It takes one look for as many bytes as the text may
    be moved by until none of its words is read.
    """
    found, stride = program.new_label(), len(text) - WORD + 1
    for first in range(0, looks, _LOOKS_A_PIECE):
        _look(program, text, min(_LOOKS_A_PIECE, looks - first), found, otherwise)
    program.jump(otherwise)
    for at in range(stride):
        program.label(f"{found} {at}")
        move(program, -at)
        program.jump(found)
    program.label(found)
    for at in (*range(0, stride, WORD), stride - 1):
        program.do(Do.A_FROM_WORD_AT_X, at)
        program.go_on_if(If.EQUAL, int.from_bytes(text[at : at + WORD], "big"), otherwise=otherwise)


def _look(program: SocketFilter, text: bytes, looks: int, found: str, otherwise: str) -> None:
    """Look so many times; go to the label `found` with the number of the text's byte that the word begins with."""
    here, not_here, stride = program.new_label(), program.new_label(), len(text) - WORD + 1
    for look in range(looks):
        if look % _LOOKS_A_CHECK == 0:
            unless_short(program, _LOOKS_A_CHECK * stride + WORD, otherwise)
        program.do(Do.A_FROM_WORD_AT_X)
        for at in range(stride):
            program.test(If.EQUAL, int.from_bytes(text[at : at + WORD], "big"), yes=f"{here} {at}")
        move(program, stride)
    program.jump(not_here)
    for at in range(stride):
        program.label(f"{here} {at}")
        program.jump(f"{found} {at}")
    program.label(not_here)


def read_length(program: SocketFilter, digits: int, otherwise: str) -> None:
    """Set the number to the one that stands here with a colon behind it, and go on there (bencode's texts)."""
    unless_short(program, digits, otherwise)
    end, none = program.new_label(), program.new_label()
    program.do(Do.X_TO_MEMORY, START)
    program.do(Do.SET_A, 0)
    program.do(Do.A_TO_MEMORY, NUMBER)
    for at in range(digits + 1):
        program.do(Do.A_FROM_BYTE_AT_X, at)
        program.test(If.EQUAL, ord(":"), yes=f"{end} {at}")
        program.do(Do.SUBTRACT, ord("0"))
        program.test(If.ABOVE, 9, yes=none)
        shift_in(program, NUMBER, 10)
        program.do(Do.X_FROM_MEMORY, START)
    program.label(none)
    program.jump(otherwise)
    for at in range(digits + 1):
        program.label(f"{end} {at}")
        move(program, at + 1)
        program.jump(end)
    program.label(end)


def skip(program: SocketFilter) -> None:
    """Go on by as many bytes as the number says."""
    program.do(Do.X_TO_A)
    program.do(Do.X_FROM_MEMORY, NUMBER)
    program.do(Do.ADD_X)
    program.do(Do.A_TO_X)


def unless_number_left(program: SocketFilter, otherwise: str) -> None:
    """Go elsewhere if there are not as many bytes left as the number says, and those that a word may have beyond."""
    program.do(Do.X_TO_MEMORY, START)
    skip(program)
    move(program, WORD - 1)
    program.do(Do.A_FROM_MEMORY, SIZE)
    program.go_on_if(If.AT_LEAST_X, otherwise=otherwise)
    program.do(Do.X_FROM_MEMORY, START)


def measure_line(program: SocketFilter, most: int) -> None:
    """Set the number to that of the bytes up to the end of the line, or to `most` if there are more."""
    end = program.new_label()
    for at in range(most):
        program.do(Do.A_FROM_BYTE_AT_X, at)
        program.test(If.EQUAL, ord("\r"), yes=f"{end} {at}")
    program.do(Do.SET_A, most)
    program.jump(end)
    for at in range(most):
        program.label(f"{end} {at}")
        program.do(Do.SET_A, at)
        program.jump(end)
    program.label(end)
    program.do(Do.A_TO_MEMORY, NUMBER)


def shift_in(program: SocketFilter, word: int, factor: int) -> None:
    """Multiply a word of the memory by a factor, and add A to it; A is that, X is lost."""
    program.do(Do.A_TO_MEMORY, ONE)
    program.do(Do.A_FROM_MEMORY, word)
    program.do(Do.MULTIPLY, factor)
    program.do(Do.X_FROM_MEMORY, ONE)
    program.do(Do.ADD_X)
    program.do(Do.A_TO_MEMORY, word)
