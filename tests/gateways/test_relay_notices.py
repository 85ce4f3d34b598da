"""What rtpengines tell unasked, byte by byte as rtpengine 10.5 sends it."""

from __future__ import annotations

import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands.recovery import EndVanishedSession
from actors.control.happenings import DigitHappening
from actors.results import Done, Refused
from engines.ids import id_on_node
from events.names import CallId, RelayId
from events.verb import Verb
from gateways.relay_notices import NotUnderstood, answer_to, pressed_key, silent_session
from tests.actors.simulation import Cluster

BY_CALL_ID = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n<methodName>teardown</methodName>\r\n<params>\r\n'
    b"<param><value><string>call-1</string></value></param>\r\n</params>\r\n</methodCall>\r\n"
)
AS_KAMAILIO = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n<methodName>dlg.terminate_dlg</methodName>\r\n'
    b"<params>\r\n<param><value><string>call-1#2</string></value></param>\r\n"
    b"<param><value><string>a</string></value></param>\r\n<param><value><string>b</string></value></param>\r\n"
    b"</params>\r\n</methodCall>\r\n"
)
AS_SEMS = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n<methodName>di</methodName>\r\n<params>\r\n'
    b"<param><value><string>sbc</string></value></param>\r\n"
    b"<param><value><string>postControlCmd</string></value></param>\r\n"
    b"<param><value><string>a</string></value></param>\r\n<param><value><string>teardown</string></value></param>\r\n"
    b"</params>\r\n</methodCall>\r\n"
)
KEY = (
    b'{"callid":"call-1#2","source_tag":"a","tags":["a","b"],"type":"DTMF","timestamp":1795973293,'
    b'"source_ip":"127.0.0.1","event":7,"duration":60,"volume":10}'
)


def test_requests_for_a_teardown_name_a_session() -> None:
    assert silent_session(BY_CALL_ID) == ("call-1", "call-1")
    assert silent_session(AS_KAMAILIO) == ("call-1", "call-1#2")


@pytest.mark.parametrize("body", [AS_SEMS, b"", b"<a/>", BY_CALL_ID[:-20], BY_CALL_ID.replace(b"call-1", b"")])
def test_what_names_none_is_a_fault(body: bytes) -> None:
    with pytest.raises(NotUnderstood) as error:
        silent_session(body)
    with pytest.raises(xmlrpc.client.Fault):
        xmlrpc.client.loads(answer_to(error.value).decode())
    assert xmlrpc.client.loads(answer_to(None).decode()) == (("OK",), None)


@given(st.binary(max_size=300))
def test_whatever_comes_is_understood_or_not(body: bytes) -> None:
    for read in (silent_session, lambda data: pressed_key(data, shown=True)):
        with pytest.raises(NotUnderstood):
            read(body)


def test_a_key_is_shown_or_not() -> None:
    told = DigitHappening(CallId("call-1"), "a", ("a", "b"), 7, 60, 10, 1795973293, "127.0.0.1")
    assert pressed_key(KEY, shown=True) == told
    hidden = pressed_key(KEY, shown=False)
    assert hidden.code is None
    assert "7" not in repr(hidden.code)


@pytest.mark.parametrize("other", [b'"event":17', b'"event":-1', b'"event":"7"', b'"event":7.0', b'"event":true'])
def test_what_is_no_key_is_none(other: bytes) -> None:
    if other == b'"event":true':
        assert pressed_key(KEY.replace(b'"event":7', other), shown=True).code == 1
        return
    with pytest.raises(NotUnderstood):
        pressed_key(KEY.replace(b'"event":7', other), shown=True)


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize(("ends_call", "status"), [(True, "ended"), (False, "live")])
def test_a_session_ends_if_its_node_says_that_it_is_gone(is_gone: bool, ends_call: bool, status: str) -> None:
    cluster = Cluster(control_nodes=1)
    call_id = CallId("c")
    cluster.do(Verb.OFFER, call_id, a="A", sdp="caller")
    cluster.do(Verb.ANSWER, call_id, a="A", b="B", sdp="callee")
    if is_gone:
        for relay in cluster.relays.values():
            relay.calls.clear()
    results: list[Done | Refused] = []
    for relay_id in (RelayId("c#9"), id_on_node(call_id, 1)):
        command = EndVanishedSession(call_id=call_id, relay_id=relay_id, ends_call=ends_call, at=cluster.loop.now_ms())

        async def tell(command: EndVanishedSession = command) -> None:
            cluster.nodes[0].directory.submit(command, results.append)

        cluster.run(tell())
        cluster.after(3)
    assert isinstance(results[0], Refused)
    state = cluster.state(call_id)
    assert ("media timed out" in cluster.events(call_id)) is is_gone
    assert state.status == (status if is_gone else "live")
    assert any(session.usable for session in state.sessions.values()) is not is_gone
    cluster.close()
