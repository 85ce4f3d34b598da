"""A call's relay through the Python API, in a simulated cluster: forks, late offers, rejections, settings, crashes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.ng.bencode import NgDict
from engines.set_names import SetNames
from events.names import BranchId, CallId, Tag
from events.registry import Answered
from replay.offer_answer import SipMessage
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import BadValue, LateEngage, NotEngaged, UnknownCall
from rtp_relay.api.observed import Observed
from rtp_relay.api.variables import branch_name
from tests.actors.simulation import Cluster

CALL = "1-3758963@127.0.0.1"


def sdp(port: int, address: str = "10.0.0.1") -> bytes:
    lines = ("v=0", f"o=- {port} 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0")
    return "\r\n".join((*lines, f"m=audio {port} RTP/AVP 0", "")).encode()


class Dialog:
    """A caller, its callees, and the SIP messages between them, told to a call's relay."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.place = 0

    @property
    def call(self) -> RelayCall:
        node = self.cluster.nodes[self.place]
        self.cluster.call_ids.add(CALL)
        return RelayCall(CALL, node.directory, self.cluster.journal)

    def engage(self, engine: str, branch: int | None = None) -> None:
        self.cluster.run(self.call.engage(engine, branch=branch))

    def see(self, event: SipMessage) -> Observed:
        return self.cluster.run(self.call.see(event, received_from="192.0.2.7"))

    def invite(self, branch: int = 0, body: bytes | None = None, cseq: int = 1, to_tag: str = "") -> Observed:
        name = "" if to_tag else branch_name(branch)
        event = SipMessage(
            "INVITE", True, cseq, branch=BranchId(name), from_tag=Tag("tC"), to_tag=Tag(to_tag), sdp=body
        )
        return self.see(event)

    def reply(self, status: int, tag: str, branch: int = 0, body: bytes | None = None, cseq: int = 1) -> Observed:
        event = SipMessage(
            "INVITE",
            False,
            cseq,
            status=status,
            branch=branch_name(branch),
            from_tag=Tag("tC"),
            to_tag=Tag(tag),
            sdp=body,
        )
        return self.see(event)

    def ack(self, tag: str, body: bytes | None = None, cseq: int = 1) -> Observed:
        return self.see(SipMessage("ACK", True, cseq, from_tag=Tag("tC"), to_tag=Tag(tag), sdp=body))

    def bye(self, tag: str, *, from_caller: bool = True, cseq: int = 9) -> Observed:
        tags = ("tC", tag) if from_caller else (tag, "tC")
        return self.see(SipMessage("BYE", from_caller, cseq, from_tag=Tag(tags[0]), to_tag=Tag(tags[1])))


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dialog(engine: str) -> Iterator[Dialog]:
    cluster = Cluster(engine=engine)
    dialog = Dialog(cluster)
    dialog.engage(engine)
    yield dialog
    try:
        cluster.check_no_leak()
        cluster.check_versions()
    finally:
        cluster.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


def held(dialog: Dialog) -> int:
    return sum(len(fake.held()) for fake in dialog.cluster.fakes.values())


def commands(dialog: Dialog, verb: bytes) -> list[NgDict]:
    """Return the ng commands of a verb that the rtpengines got, without pings and the plain removals of ours."""
    sent = [command for relay in dialog.cluster.relays.values() for command in relay.commands]
    return [command for command in sent if command[b"command"] == verb and b"from-tag" in command]


def test_invite_200_ack_bye(dialog: Dialog) -> None:
    offered = dialog.invite(body=sdp(4000))
    assert offered.role == "offer"
    assert offered.sdp not in (None, sdp(4000))
    answered = dialog.reply(200, "tA", body=sdp(5000))
    assert (answered.role, answered.change) == ("answer", "established")
    assert answered.sdp not in (None, sdp(5000))
    assert dialog.ack("tA").sdp is None
    assert held(dialog) == 1
    assert dialog.bye("tA").change == "call ended"
    assert held(dialog) == 0


def test_a_bye_of_the_callee_ends_it_too(dialog: Dialog) -> None:
    dialog.invite(body=sdp(4000))
    dialog.reply(200, "tA", body=sdp(5000))
    assert dialog.bye("tA", from_caller=False).change == "call ended"
    assert held(dialog) == 0


def test_a_183_then_a_200_with_the_same_sdp_gets_the_same_again(dialog: Dialog) -> None:
    dialog.invite(body=sdp(4000))
    early = dialog.reply(183, "tA", body=sdp(5000))
    final = dialog.reply(200, "tA", body=sdp(5000))
    assert final.role == "repeat"
    assert final.sdp == early.sdp
    dialog.bye("tA")


def test_the_branches_of_a_fork_that_lost_are_freed_at_the_winners_200(dialog: Dialog, engine: str) -> None:
    first, second = dialog.invite(0, sdp(4000)), dialog.invite(1, sdp(4000))
    assert first.sdp is not None
    assert second.sdp is not None
    dialog.reply(183, "tA", 0, sdp(5000))
    assert held(dialog) == (1 if engine == "rtpengine" else 2)
    dialog.reply(200, "tB", 1, sdp(6000))
    assert held(dialog) == 1
    names = [record.event.name for record in dialog.cluster.stream(CallId(CALL))]
    assert "branch established" in names
    assert names[-1] == ("branch deleted" if engine == "rtpengine" else "deleted")
    assert dialog.reply(487, "tA", 0).change == "branch failed"
    dialog.bye("tB")
    assert held(dialog) == 0


def test_a_second_branch_that_answers_all_the_same_has_a_session_until_its_bye(dialog: Dialog) -> None:
    """Its own was freed at the first 200; the caller may take either callee (RFC 3261 13.2.2.4)."""
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    first = dialog.reply(200, "tB", 1, sdp(6000))
    assert held(dialog) == 1
    second = dialog.reply(200, "tA", 0, sdp(5000))
    assert held(dialog) == 2
    assert None not in (first.sdp, second.sdp)
    assert dialog.reply(200, "tA", 0, sdp(5000)).sdp == second.sdp
    assert dialog.bye("tB").change == "dialog ended"
    assert held(dialog) == 1
    again = SipMessage("INVITE", True, 10, from_tag=Tag("tC"), to_tag=Tag("tA"), sdp=sdp(4002))
    assert dialog.see(again).sdp is not None
    assert held(dialog) == 1
    assert dialog.bye("tA", cseq=11).change == "call ended"
    assert held(dialog) == 0


def test_a_branch_that_failed_may_still_be_answered(dialog: Dialog) -> None:
    """Its CANCEL was given up, say, and the 200 that was on its way all the time comes in the end."""
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    dialog.reply(408, "", 0)
    dialog.reply(200, "tB", 1, sdp(6000))
    assert dialog.reply(200, "tA", 0, sdp(5000)).sdp is not None
    assert held(dialog) == 2
    dialog.bye("tA")
    dialog.bye("tB")
    assert held(dialog) == 0


@pytest.mark.parametrize("left", ["tA", "tA2"])
def test_callees_of_one_branch_share_its_session_until_both_have_left(dialog: Dialog, left: str) -> None:
    """A proxy further on forked: both 2xx come on one branch, with tags of their own."""
    dialog.invite(0, sdp(4000))
    assert dialog.reply(200, "tA", 0, sdp(5000)).sdp is not None
    assert dialog.reply(200, "tA2", 0, sdp(6000)).sdp is not None
    stays = "tA2" if left == "tA" else "tA"
    assert heard(dialog) == "tA"
    assert dialog.bye(left).change == "dialog ended"
    assert heard(dialog) == stays
    assert held(dialog) == 1
    assert dialog.bye(stays).change == "call ended"
    assert held(dialog) == 0


def heard(dialog: Dialog) -> str:
    """Return the tag of the callee whose answer a node was told last: the one that the caller talks to."""
    events = [record.event for record in dialog.cluster.stream(CallId(CALL))]
    return [event.to_tag for event in events if isinstance(event, Answered)][-1]


def test_an_answer_to_an_invite_that_was_tried_again_is_relayed_and_its_dialog_known(dialog: Dialog) -> None:
    dialog.invite(0, sdp(4000), cseq=1)
    dialog.invite(0, sdp(4002), cseq=2)
    assert dialog.reply(200, "tA", 0, sdp(5000), cseq=1).sdp is not None
    assert dialog.reply(180, "tB", 0, sdp(6000), cseq=2).fault == ""
    assert dialog.reply(200, "tB", 0, sdp(6000), cseq=2).change == "established"
    again = SipMessage("INVITE", True, 3, from_tag=Tag("tC"), to_tag=Tag("tA"), sdp=sdp(4004))
    assert dialog.see(again).fault == ""
    assert dialog.bye("tA").change == "dialog ended"
    assert dialog.bye("tB").change == "call ended"
    assert held(dialog) == 0


def test_what_a_callee_sends_early_when_another_has_answered_does_not_pass_the_relay_by(dialog: Dialog) -> None:
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    dialog.reply(200, "tA", 0, sdp(5000))
    assert dialog.reply(183, "tB", 1, sdp(6000)).remedy == "strip"
    assert held(dialog) == 1
    dialog.bye("tA")


def test_a_repeated_invite_of_a_branch_gets_what_that_branch_was_given(dialog: Dialog) -> None:
    first, second = dialog.invite(0, sdp(4000)), dialog.invite(1, sdp(4000))
    again = dialog.invite(0, sdp(4000))
    assert (again.role, again.sdp) == ("repeat", first.sdp)
    assert first.sdp != second.sdp
    dialog.reply(486, "tA", 0)
    dialog.reply(486, "tB", 1)


def test_a_call_id_that_comes_back_after_the_end_is_a_new_call(dialog: Dialog, engine: str) -> None:
    dialog.cluster.run(dialog.call.rtp_relay_ctx.set(**{"call-id": "other"}))
    dialog.invite(body=sdp(4000))
    dialog.reply(200, "tA", body=sdp(5000))
    dialog.bye("tA")
    dialog.engage(engine)
    assert dialog.cluster.run(dialog.call.rtp_relay_ctx.get()) == {}
    assert dialog.invite(body=sdp(4000)).role == "offer"
    dialog.reply(200, "tA", body=sdp(5000))
    assert held(dialog) == 1
    dialog.bye("tA")


def test_cancel_frees_all_branches_as_they_fail(dialog: Dialog) -> None:
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    dialog.reply(183, "tA", 0, sdp(5000))
    dialog.see(SipMessage("CANCEL", True, 1, from_tag=Tag("tC")))
    dialog.reply(487, "tA", 0)
    dialog.reply(487, "tB", 1)
    assert held(dialog) == 0


def test_a_serial_fork_goes_on_after_a_branch_failed(dialog: Dialog) -> None:
    dialog.invite(0, sdp(4000))
    dialog.reply(486, "tA", 0)
    assert held(dialog) == 0
    assert dialog.invite(1, sdp(4000)).sdp is not None
    dialog.reply(200, "tB", 1, sdp(6000))
    assert held(dialog) == 1
    dialog.bye("tB")


def test_a_late_offer_is_the_callees(dialog: Dialog, engine: str) -> None:
    assert dialog.invite(0, None).sdp is None
    offered = dialog.reply(200, "tA", 0, sdp(5000))
    assert offered.role == "offer"
    assert offered.sdp not in (None, sdp(5000))
    answered = dialog.ack("tA", sdp(4000))
    assert answered.role == "answer"
    assert answered.sdp not in (None, sdp(4000))
    if engine == "rtpengine":
        assert [(c[b"from-tag"], c.get(b"to-tag")) for c in commands(dialog, b"offer")] == [(b"tA", None)]
        assert [(c[b"from-tag"], c.get(b"to-tag")) for c in commands(dialog, b"answer")] == [(b"tA", b"tC")]
    dialog.bye("tA")
    assert held(dialog) == 0


def test_a_rejected_reinvite_leaves_the_old_agreement_on_the_relay(dialog: Dialog, engine: str) -> None:
    dialog.invite(body=sdp(4000))
    dialog.reply(200, "tA", body=sdp(5000))
    dialog.ack("tA")
    assert dialog.invite(body=sdp(4100), cseq=2, to_tag="tA").role == "offer"
    assert dialog.reply(488, "tA", cseq=2).change == "rejected"
    if engine == "rtpengine":
        assert [c[b"sdp"] for c in commands(dialog, b"offer")] == [sdp(4000), sdp(4100), sdp(4000)]
        sources = [c[b"received-from"] for c in (*commands(dialog, b"offer"), *commands(dialog, b"answer"))]
        assert sources == [[b"IP4", b"192.0.2.7"]] * 5, "also those that are told again"
    assert held(dialog) == 1
    dialog.bye("tA")


def test_the_settings_of_each_leg_and_branch_go_where_the_rules_say(cluster: Cluster) -> None:
    dialog = Dialog(cluster)
    call = dialog.call
    cluster.run(call.rtp_relay().set(flags="trust-address", peer="replace-origin", iface="priv"))
    cluster.run(call.rtp_relay_peer().set(type="RTP/SAVPF", iface="pub", peer="callees-peer"))
    cluster.run(call.rtp_relay(1).set(type="RTP/AVP"))
    cluster.run(call.rtp_relay_ctx.set(flags="everywhere"))
    dialog.engage("rtpengine")
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    offers = commands(dialog, b"offer")
    assert [offer[b"transport-protocol"] for offer in offers] == [b"RTP/SAVPF", b"RTP/AVP"]
    assert [offer[b"direction"] for offer in offers] == [[b"priv", b"pub"]] * 2
    for offer in offers:
        assert {b"everywhere", b"trust-address", b"callees-peer"} <= set(offer[b"flags"])  # type: ignore[arg-type]
    dialog.reply(200, "tB", 1, sdp(6000))
    (answer,) = commands(dialog, b"answer")
    assert answer[b"direction"] == [b"pub", b"priv"]
    assert answer[b"replace"] == [b"origin"]
    assert cluster.run(call.rtp_relay(1).get()) == {
        "type": "RTP/AVP",
        "iface": "pub",
        "peer": "callees-peer",
    }
    assert cluster.run(call.rtp_relay("tB").get())["type"] == "RTP/AVP"
    dialog.bye("tB")
    cluster.check_no_leak()


def test_the_contexts_ids_and_delete_flags_reach_the_relay(cluster: Cluster) -> None:
    dialog = Dialog(cluster)
    cluster.run(dialog.call.rtp_relay_ctx.set(callid="other", from_tag="fx", to_tag="tx", delete="my-delete"))
    dialog.engage("rtpengine")
    dialog.invite(0, sdp(4000))
    dialog.reply(200, "tA", 0, sdp(5000))
    dialog.bye("tA")
    sent = [command for relay in cluster.relays.values() for command in relay.commands if b"call-id" in command]
    assert {command[b"call-id"] for command in sent} == {b"other"}
    (answer,) = commands(dialog, b"answer")
    assert (answer[b"from-tag"], answer[b"to-tag"]) == (b"fx", b"tx")
    deletes = [command for command in sent if command[b"command"] == b"delete" and b"flags" in command]
    assert [command[b"flags"] for command in deletes] == [[b"my-delete"]]
    cluster.check_no_leak()


def test_an_explicit_body_keeps_its_own_address(engine: str) -> None:
    """Whatever address the message came from: it says nothing about a body that was not in the message."""
    cluster = Cluster(engine=engine)
    dialog = Dialog(cluster)
    dialog.engage(engine)
    cluster.run(dialog.call.rtp_relay().set(body=sdp(4444, "198.51.100.9").decode()))
    dialog.invite(body=sdp(4000))
    dialog.reply(200, "tA", body=sdp(5000))
    if engine == "rtpengine":
        offer, answer = commands(dialog, b"offer")[0], commands(dialog, b"answer")[0]
        assert b"received-from" not in offer
        assert answer[b"received-from"] == [b"IP4", b"192.0.2.7"]
    else:
        sent = [said.split() for fake in cluster.rtpproxies.values() for said in fake.commands]
        given = {words[0][0]: words[2] for words in sent if words[0][0] in "UL"}
        assert given == {"U": "198.51.100.9", "L": "192.0.2.7"}
    cluster.close()


def test_a_disabled_leg_leaves_the_sdp_alone_and_asks_no_relay(cluster: Cluster) -> None:
    dialog = Dialog(cluster)
    cluster.run(dialog.call.rtp_relay().set(disabled=True))
    dialog.engage("rtpengine")
    assert dialog.invite(0, sdp(4000)).sdp == sdp(4000)
    assert dialog.reply(200, "tA", 0, sdp(5000)).sdp == sdp(5000)
    dialog.bye("tA")
    assert not [command for relay in cluster.relays.values() for command in relay.commands if b"call-id" in command]


def test_engaging_for_one_of_two_branches_only(cluster: Cluster) -> None:
    dialog = Dialog(cluster)
    dialog.engage("rtpengine", branch=1)
    with pytest.raises(NotEngaged):
        dialog.invite(0, sdp(4000))
    assert dialog.invite(1, sdp(4000)).sdp is not None
    dialog.reply(200, "tB", 1, sdp(6000))
    dialog.bye("tB")
    cluster.check_no_leak()


def test_engaging_late_is_refused(dialog: Dialog, engine: str) -> None:
    dialog.invite(body=sdp(4000))
    dialog.reply(200, "tA", body=sdp(5000))
    with pytest.raises(LateEngage):
        dialog.engage(engine)
    dialog.bye("tA")


def test_another_control_node_goes_on_where_one_died(dialog: Dialog) -> None:
    dialog.invite(0, sdp(4000))
    dialog.invite(1, sdp(4000))
    dialog.cluster.restart(0)
    dialog.place = 1
    assert dialog.reply(200, "tB", 1, sdp(6000)).change == "established"
    dialog.cluster.after(30)
    dialog.place = 0
    assert dialog.bye("tB").change == "call ended"
    assert held(dialog) == 0


def test_offers_and_answers_by_hand(dialog: Dialog) -> None:
    run, call = dialog.cluster.run, dialog.call
    assert run(call.offer(sdp(4000), from_tag="tC")) != sdp(4000)
    assert run(call.answer(sdp(5000), from_tag="tC", to_tag="tA")) != sdp(5000)
    run(call.establish(0, from_tag="tC", to_tag="tA"))
    run(call.delete(from_tag="tC"))
    with pytest.raises(UnknownCall):
        run(call.answer(sdp(5000), from_tag="tC", to_tag="tA"))
    assert held(dialog) == 0


def test_wrong_names_are_named(dialog: Dialog) -> None:
    with pytest.raises(BadValue, match="there is no setting 'flag'; there are flags, peer"):
        dialog.cluster.run(dialog.call.rtp_relay().set(flag="co"))
    with pytest.raises(BadValue, match="no branch has the tag 'nobody'"):
        dialog.cluster.run(dialog.call.rtp_relay("nobody").get())


def test_a_set_may_be_a_number(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    call = RelayCall(CALL, node.directory, cluster.journal, SetNames({1: "west"}))
    for given, name in ((1, "west"), ("1", "west"), (2, "2"), ("gold", "gold")):
        cluster.run(call.engage("rtpengine", given))
        settings = cluster.run(call.state()).relay
        assert settings is not None
        assert settings.engagements[""].set == name
    with pytest.raises(BadValue, match="-1 is no set"):
        cluster.run(call.engage("rtpengine", -1))
