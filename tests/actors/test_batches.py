"""Datagrams in batches: what `actors.sockets.batches` does, in C and in Python alike."""

from __future__ import annotations

import contextlib
import errno
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sockets import batches
from tests.both_kinds import both_kinds

Datagrams = list[tuple[bytes, list[tuple[int, int, bytes]], Any]]

IP_PKTINFO = 8
SO_TIMESTAMPNS_NEW = 64
HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
LONGEST = {socket.AF_INET: 65_507, socket.AF_INET6: 65_527}


KINDS = both_kinds(batches)


@pytest.fixture(params=KINDS, ids=lambda module: module.__name__)
def module(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = request.param
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=list(HOSTS), ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> socket.AddressFamily:
    found: socket.AddressFamily = request.param
    return found


def bound(stack: ExitStack, family: int = socket.AF_INET, host: str | None = None) -> socket.socket:
    sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((HOSTS[socket.AddressFamily(family)] if host is None else host, 0))
    return sock


def all_that_wait(module: ModuleType, sock: socket.socket, most: int = 100) -> Datagrams:
    found: Datagrams = []
    while got := module.receive(sock, most):
        assert len(got) <= min(most, module.AT_ONCE)
        found += got
    return found


# -- what is received --


@pytest.mark.parametrize("most", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("number", [0, 1, 2, 7, 8, 9, 40])
def test_datagrams_come_in_order_with_their_senders(
    module: ModuleType, stack: ExitStack, family: socket.AddressFamily, most: int, number: int
) -> None:
    here = bound(stack, family)
    senders = [bound(stack, family) for _ in range(3)]
    for count in range(number):
        senders[count % 3].sendto(b"%d" % count, here.getsockname())
    names = [sender.getsockname() for sender in senders]
    assert all_that_wait(module, here, most) == [(b"%d" % count, [], names[count % 3]) for count in range(number)]


def test_a_call_takes_as_many_as_it_may(module: ModuleType, stack: ExitStack) -> None:
    here, there = bound(stack), bound(stack)
    for count in range(module.AT_ONCE + 2):
        there.sendto(b"%d" % count, here.getsockname())
    assert len(module.receive(here, 1000)) == module.AT_ONCE
    assert [datagram for datagram, _, _ in module.receive(here, 1)] == [b"%d" % module.AT_ONCE]
    assert [datagram for datagram, _, _ in all_that_wait(module, here)] == [b"%d" % (module.AT_ONCE + 1)]


def test_the_address_is_the_one_that_python_has(
    module: ModuleType, stack: ExitStack, family: socket.AddressFamily
) -> None:
    here, there = bound(stack, family), bound(stack, family)
    for _ in range(2):
        there.sendto(b"x", here.getsockname())
    _, _, _, address = here.recvmsg(10)
    [(_, _, same)] = all_that_wait(module, here)
    assert same == address
    assert [type(part) for part in same] == [type(part) for part in address]


def test_many_senders_are_told_from_each_other(module: ModuleType, stack: ExitStack) -> None:
    here = bound(stack)
    senders = [bound(stack, host=f"127.0.{number % 250}.{number % 7 + 1}") for number in range(300)]
    for _ in range(2):
        for part in range(0, 300, 50):
            for sender in senders[part : part + 50]:
                sender.sendto(b"x", here.getsockname())
            found = all_that_wait(module, here)
            assert [address for _, _, address in found] == [each.getsockname() for each in senders[part : part + 50]]


@pytest.mark.parametrize("size", [0, 1, 1500, 9000, -1])
def test_datagrams_of_all_sizes(module: ModuleType, stack: ExitStack, family: socket.AddressFamily, size: int) -> None:
    here, there = bound(stack, family), bound(stack, family)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    datagram = (b"0123456789" * 7000)[: LONGEST[family] if size < 0 else size]
    for sent in (b"before", datagram, b"", datagram, b"after"):
        there.sendto(sent, here.getsockname())
    assert [data for data, _, _ in all_that_wait(module, here)] == [b"before", datagram, b"", datagram, b"after"]


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.5"), ("0.0.0.0", "127.0.0.6"), ("::", "::1")])
def test_it_is_told_which_address_was_asked_and_when(
    module: ModuleType, stack: ExitStack, host: str, asked: str
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    here, there = bound(stack, family, host), bound(stack, family)
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) if ":" in host else (socket.IPPROTO_IP, IP_PKTINFO)
    here.setsockopt(level, option, 1)
    here.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    for _ in range(3):
        there.sendto(b"x", (asked, here.getsockname()[1]))
    _, theirs, _, _ = here.recvmsg(10, 200)
    found = [control for _, control, _ in all_that_wait(module, here)]
    where = {kind: data for at, kind, data in theirs if at == level}
    assert len(found) == 2
    for control in found:
        assert [(at, kind, len(data)) for at, kind, data in control] == [
            (at, kind, len(data)) for at, kind, data in theirs
        ]
        assert {kind: data for at, kind, data in control if at == level} == where
        [stamp] = [data for at, kind, data in control if (at, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW)]
        assert struct.unpack("@qq", stamp)[0] > 0


def test_control_messages_that_have_no_room_are_left_out(module: ModuleType, stack: ExitStack) -> None:
    here, there = bound(stack), bound(stack)
    for option in (1, 2, 6, 12, 13, IP_PKTINFO):  # what else ip(7) tells of a datagram
        with contextlib.suppress(OSError):
            here.setsockopt(socket.IPPROTO_IP, option, 1)
    here.setsockopt(socket.IPPROTO_IP, 20, 1)  # IP_RECVORIGDSTADDR
    here.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    for _ in range(2):
        there.sendto(b"x", here.getsockname())
    room = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(16)
    _, theirs, flags, _ = here.recvmsg(10, room)
    assert flags & socket.MSG_CTRUNC
    [(datagram, control, _)] = all_that_wait(module, here)
    assert datagram == b"x"
    assert [each[:2] for each in control] == [each[:2] for each in theirs]
    assert [len(each[2]) for each in control] == [len(each[2]) for each in theirs]


def test_nothing_waits(module: ModuleType, stack: ExitStack) -> None:
    here = bound(stack)
    assert module.receive(here, 8) == []  # though the socket is one that blocks


# -- errors --


def test_an_error_is_told_once_and_takes_no_datagram_along(module: ModuleType, stack: ExitStack) -> None:
    here, there, gone = bound(stack), bound(stack), bound(stack)
    nobody = gone.getsockname()
    gone.close()
    there.sendto(b"before", here.getsockname())
    here.connect(nobody)
    here.send(b"x")  # refused: that is told of the next call
    with pytest.raises(ConnectionRefusedError):
        module.receive(here, 8)
    here.connect(there.getsockname())
    for data in (b"after", b"it"):
        there.sendto(data, here.getsockname())
    assert [data for data, _, _ in all_that_wait(module, here)] == [b"before", b"after", b"it"]


def test_a_closed_socket(module: ModuleType, stack: ExitStack) -> None:
    here = bound(stack)
    here.close()
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        module.receive(here, 8)
    assert caught.value.errno == errno.EBADF


def test_what_is_no_socket(module: ModuleType, stack: ExitStack) -> None:
    for garbage in (None, 3, "socket", object()):
        with pytest.raises(AttributeError):
            module.receive(garbage, 8)
    with (Path(__file__)).open() as file, pytest.raises((OSError, AttributeError)):
        module.receive(file, 8)
    with pytest.raises(TypeError):
        module.receive(bound(stack))
    with pytest.raises(TypeError):
        module.receive()


@pytest.mark.parametrize(("most", "error"), [(0, ValueError), (-1, ValueError), (None, TypeError), ("1", TypeError)])
def test_so_many_are_not_received(module: ModuleType, stack: ExitStack, most: Any, error: type[Exception]) -> None:
    here, there = bound(stack), bound(stack)
    there.sendto(b"x", here.getsockname())
    with pytest.raises(error):
        module.receive(here, most)
    assert len(all_that_wait(module, here)) == 1


@pytest.mark.skipif(len(KINDS) == 1, reason="it is what Python does")
@pytest.mark.parametrize("number", [-2, 2**31, 2**70, "1", None])
def test_a_file_descriptor_that_is_none(number: Any) -> None:
    class Strange:
        def fileno(self) -> Any:
            return number

    with pytest.raises((ValueError, OverflowError, TypeError)):
        batches.receive(Strange(), 1)  # type: ignore[arg-type]


@pytest.mark.skipif(len(KINDS) == 1, reason="it is what Python does")
def test_a_socket_of_another_family() -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.send(b"x")
        with pytest.raises(ValueError, match="IPv4 or IPv6"):
            batches.receive(one, 1)


# -- both --


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 2), st.binary(max_size=40) | st.integers(0, 65_507).map(bytes)),
            st.integers(1, 12),
        ),
        max_size=30,
    )
)
def test_both_receive_the_same(steps: list[tuple[int, bytes] | int]) -> None:
    found: list[Datagrams] = []
    with ExitStack() as stack:
        senders = [bound(stack, host=f"127.0.0.{1 + number}") for number in range(3)]
        for kind in KINDS:
            here = bound(stack)
            got: Datagrams = []
            for step in steps:
                if isinstance(step, int):
                    got += all_that_wait(kind, here, step)
                else:
                    senders[step[0]].sendto(step[1], here.getsockname())
            found.append(got + all_that_wait(kind, here))
    assert all(each == found[0] for each in found)


def grown(action: Callable[[], object], rounds: int) -> int:
    """Return how many kB a process has grown by doing something again and again, after the first rounds."""
    for _ in range(rounds // 4):
        action()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(rounds):
        action()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def test_nothing_is_left_in_memory(module: ModuleType, stack: ExitStack) -> None:
    here, there, closed = bound(stack), bound(stack), bound(stack)
    here.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    closed.close()
    address = here.getsockname()

    def receive() -> None:
        for _ in range(10):
            there.sendto(bytes(1000), address)
        assert len(all_that_wait(module, here)) == 10
        with contextlib.suppress(OSError):
            module.receive(closed, 1)
        with contextlib.suppress(AttributeError):
            module.receive(None, 1)

    assert grown(receive, 4_000) < 2_000
