"""What an application gives that cannot be: it is told so at once, and its call goes on as if it had not asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import pytest

from events.names import CallId
from replay.offer_answer import SipMessage
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import BadValue
from rtp_relay.api.system import RelaySystem
from rtp_relay.service import Service
from tests.actors.simulation import Cluster
from tests.rtp_relay.test_api_call import CALL, sdp

HALF = "a\ud800"
"""Half of a surrogate pair: no bytes can be made of it."""

REFUSED = (BadValue, TypeError)
"""What is raised for a value of a wrong type: by the API, or, where the modules are compiled, as the value is made."""

Asked = Callable[[Any], Awaitable[object]]
"""What is asked of a call, which has no types here: a type checker would find what is wrong with it."""

TAGS: dict[str, Asked] = {
    "no tag yet": lambda call: call.offer(sdp(4000), from_tag="tC", to_tag=None),
    "bytes for a tag": lambda call: call.offer(sdp(4000), from_tag=b"tC"),
    "half a character in a tag": lambda call: call.offer(sdp(4000), from_tag=HALF),
    "an answer to nobody": lambda call: call.answer(sdp(5000), from_tag="tC", to_tag=None),
    "the end for nobody": lambda call: call.delete(from_tag=None),
    "the end without a reason": lambda call: call.delete(reason=None),
    "a failure of nobody": lambda call: call.fail_branch(0, from_tag=None),
    "an answer for good of nobody": lambda call: call.establish(0, from_tag="tC", to_tag=None),
}
BODIES: dict[str, Asked] = {
    "no body": lambda call: call.offer(None, from_tag="tC"),
    "a number for a body": lambda call: call.offer(5, from_tag="tC"),
    "half a character in a body": lambda call: call.offer(sdp(4000).decode() + HALF, from_tag="tC"),
    "no body of a recorder": lambda call: call.copy_answer("rec", None),
}
OTHERS: dict[str, Asked] = {
    "no leg": lambda call: call.offer(sdp(4000), from_tag="tC", leg="callr"),
    "a branch's name": lambda call: call.offer(sdp(4000), from_tag="tC", branch="br0"),
    "a source with its port": lambda call: call.offer(sdp(4000), from_tag="tC", source=("192.0.2.1", 5060)),
    "no engine": lambda call: call.engage(None),
    "a branch by its tag": lambda call: call.engage("rtpengine", branch="tA"),
    "half a character in a set": lambda call: call.engage("rtpengine", HALF),
    "half a character in a setting": lambda call: call.rtp_relay().set(flags=HALF),
    "half a character in another body": lambda call: call.rtp_relay().set(body=HALF),
    "a move to no node": lambda call: call.move(node=None),
    "a move with no settings": lambda call: call.move(caller=None),
    "a move told by what is no such request": lambda call: call.move(method="INFO"),
    "a copy without a name": lambda call: call.copy_offer(None),
    "a copy of one word": lambda call: call.copy_offer("rec", legs="caller"),
    "a copy of no leg": lambda call: call.copy_offer("rec", legs=("callr",)),
    "a copy of stream 0": lambda call: call.copy_offer("rec", streams=(0,)),
    "a copy of a stream in words": lambda call: call.copy_offer("rec", streams=("1",)),
}
MESSAGES: dict[str, dict[str, object]] = {
    "no To tag": {"to_tag": None},
    "no From tag": {"from_tag": None},
    "no branch": {"branch": None},
    "a branch's index": {"branch": 0},
    "no method": {"method": None},
    "a CSeq as text": {"cseq": "1"},
    "a CSeq in parts": {"cseq": 1.0},
    "a CSeq below 0": {"cseq": -1},
    "a CSeq beyond all bounds": {"cseq": 2**70},
    "a status as text": {"status": "200"},
    "a status that is none": {"status": 20},
    "from nobody": {"from_caller": None},
    "neither reliable nor not": {"reliable": None},
    "a body as text": {"sdp": sdp(4000).decode()},
}


def telling(wrong: dict[str, object]) -> Asked:
    def tell(call: Any) -> Awaitable[object]:
        invite: dict[str, Any] = {"method": "INVITE", "from_caller": True, "cseq": 1, "branch": "br0", "from_tag": "tC"}
        return cast("Awaitable[object]", call.see(SipMessage(**invite | {"sdp": sdp(4000)} | wrong)))

    return tell


WRONG = {**TAGS, **BODIES, **OTHERS, **{f"a message with {what}": telling(wrong) for what, wrong in MESSAGES.items()}}
WRONG |= {
    "no message": lambda call: call.see(None),
    "a message from nowhere": lambda call: call.see(SipMessage("OPTIONS", True, 1), received_from=None),
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(relays=1)
    yield cluster
    try:
        cluster.check_no_leak()
        cluster.check_versions()
    finally:
        cluster.close()


@pytest.mark.parametrize("ask", WRONG.values(), ids=list(WRONG))
def test_what_cannot_be_is_refused_and_the_call_goes_on(cluster: Cluster, ask: Asked) -> None:
    cluster.call_ids.add(CALL)
    call = RelayCall(CALL, cluster.nodes[0].directory, cluster.journal)
    cluster.run(call.engage("rtpengine"))
    before = cluster.stream(CallId(CALL))
    with pytest.raises(REFUSED):
        cluster.run(ask(call))
    assert cluster.stream(CallId(CALL)) == before
    cluster.run(call.offer(sdp(4000), from_tag="tC"))
    cluster.run(call.delete())


@pytest.mark.parametrize(
    "ask",
    [
        lambda call: call.see(SipMessage("INVITE", True, 1, sdp=cast("Any", "a=crypto:1 inline:secret"))),
        lambda call: call.offer(f"a=crypto:1 inline:secret{HALF}", from_tag="tC"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_without_its_keys(cluster: Cluster, ask: Asked) -> None:
    call = RelayCall(CALL, cluster.nodes[0].directory, cluster.journal)
    with pytest.raises(REFUSED) as raised:
        cluster.run(ask(call))
    assert "secret" not in str(raised.value)


def test_bytes_that_are_no_utf_8_may_come_as_text(cluster: Cluster) -> None:
    cluster.call_ids.add(CALL)
    call = RelayCall(CALL, cluster.nodes[0].directory, cluster.journal)
    cluster.run(call.engage("rtpengine"))
    session = sdp(4000) + b"a=x:\xe4\r\n"
    offered = cluster.run(call.offer(session.decode(errors="surrogateescape"), from_tag="t\udce4"))
    assert b"a=x:\xe4" in offered
    cluster.run(call.delete())


@pytest.mark.parametrize("call_id", [None, b"1@h", 5, "", HALF])
def test_what_is_no_call_id_is_the_name_of_no_call(call_id: Any) -> None:
    with pytest.raises(BadValue, match="call_id"):
        RelaySystem(cast("Service", None)).call(call_id)


def test_what_is_no_tag_tells_no_caller_apart() -> None:
    with pytest.raises(BadValue, match="callers_tag"):
        RelaySystem(cast("Service", None)).call("1@h", callers_tag=cast("Any", None))
