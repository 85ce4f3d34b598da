"""Classic BPF, programs that the kernel runs for each datagram, put together from steps and labels.

Such a program has an accumulator A, an index X, and 16 words of memory. A step does one thing; a test of A goes to one
of two labels that are at most 255 steps further on (Linux, Documentation/networking/filter.rst).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum

MAX_STEPS = 4096
"""So many steps the kernel takes (BPF_MAXINSNS)."""

_FARTHEST = 255
_SO_ATTACH_REUSEPORT_CBPF = 51
"""Of Linux (socket(7)); Python does not name it."""
_STEP = struct.Struct("=HBBI")
_WORD = 0xFFFFFFFF


class Do(IntEnum):
    """What a step does with its number k; `AT_X` stands for the place k bytes behind X in the datagram."""

    SET_A = 0x00
    SET_X = 0x01
    A_FROM_WORD_AT_X = 0x40
    A_FROM_BYTE_AT_X = 0x50
    A_FROM_SIZE = 0x80
    A_FROM_MEMORY = 0x60
    X_FROM_MEMORY = 0x61
    A_TO_MEMORY = 0x02
    X_TO_MEMORY = 0x03
    A_TO_X = 0x07
    X_TO_A = 0x87
    ADD = 0x04
    ADD_X = 0x0C
    SUBTRACT = 0x14
    MULTIPLY = 0x24
    MODULO = 0x94
    AND = 0x54
    SHIFT_RIGHT = 0x74
    RETURN = 0x06
    RETURN_A = 0x16


class If(IntEnum):
    """What a test asks about A."""

    EQUAL = 0x15
    ABOVE = 0x25
    AT_LEAST = 0x35
    ABOVE_X = 0x2D
    AT_LEAST_X = 0x3D


_JUMP = 0x05


@dataclass(frozen=True, slots=True)
class _Step:
    code: int
    k: int
    yes: str = ""
    no: str = ""


class SocketFilter:
    """A program as it is written. To read beyond the end of the datagram ends it, with the first socket."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._labels: dict[str, int] = {}
        self._last = 0

    def do(self, what: Do, k: int = 0) -> None:
        """Add a step; a number below zero is as much to be added."""
        self._steps.append(_Step(what, k & _WORD))

    def test(self, what: If, k: int = 0, *, yes: str = "", no: str = "") -> None:
        """Add a test, which goes on with the next step where no label is named."""
        self._steps.append(_Step(what, k, yes, no))

    def go_on_if(self, what: If, k: int = 0, *, otherwise: str) -> None:
        """Add a test that goes on with the next step, or at a label, however far it is."""
        so = self.new_label()
        self.test(what, k, yes=so)
        self.jump(otherwise)
        self.label(so)

    def jump(self, label: str) -> None:
        """Go on at a label, however far it is."""
        self._steps.append(_Step(_JUMP, 0, label))

    def label(self, name: str) -> None:
        """Name the next step."""
        self._labels[name] = len(self._steps)

    def new_label(self) -> str:
        """Return a name that no other label has."""
        self._last += 1
        return f"label {self._last}"

    def finished(self) -> bytes:
        """Return the program as the kernel takes it (struct sock_filter[]). Raises ValueError if it cannot be one."""
        if len(self._steps) > MAX_STEPS:
            raise ValueError(f"{len(self._steps)} steps are more than {MAX_STEPS}")
        return b"".join([self._finished(at, step) for at, step in enumerate(self._steps)])

    def _finished(self, at: int, step: _Step) -> bytes:
        yes, no = self._steps_to(step.yes, at), self._steps_to(step.no, at)
        if step.code == _JUMP:
            return _STEP.pack(_JUMP, 0, 0, yes)
        if max(yes, no) > _FARTHEST:
            raise ValueError(f"a test in step {at} goes {max(yes, no)} steps on")
        return _STEP.pack(step.code, yes, no, step.k)

    def _steps_to(self, label: str, at: int) -> int:
        steps = self._labels[label] - at - 1 if label else 0
        if steps < 0:
            raise ValueError(f"step {at} goes back, to {label}")
        return steps


def attach(program: bytes, sock: socket.socket) -> None:
    """Have a program choose which of the sockets that share an address gets a datagram.

    What it returns is a socket's number, counted from 0 in the order in which they were bound; where there is none of
    that number, the kernel chooses as it does without a program. Raises OSError, also where there are no such programs.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
    buffer = ctypes.create_string_buffer(program, len(program))
    told = struct.pack("@HP", len(program) // _STEP.size, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, told)
