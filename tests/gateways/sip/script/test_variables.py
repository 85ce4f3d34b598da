"""rtp_relay, rtp_relay_peer, rtp_relay_ctx and vars, as the documentation has them."""

from __future__ import annotations

from typing import Any

import pytest

from actors.setting_values import BadSetting
from engines.set_names import SetNames
from events.names import NO_BRANCH, BranchId, Tag
from gateways.sip.calls.settings import CallSettings
from gateways.sip.script.message import CallView
from replay.relay_settings import CALLEE, CALLER, RelaySettings
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, SetCallVariable
from tests.gateways.sip.script.messages import branch, failure, reply, request, text


def where(view: CallView, settings: CallSettings) -> list[tuple[str, str]]:
    """Return leg and branch of what is written through a view: as its own, its peer's, and by index."""
    view.rtp_relay.flags = "own"
    view.rtp_relay_peer.flags = "peer"
    view.rtp_relay[1].flags = "own by index"
    view.rtp_relay_peer[1].flags = "peer by index"
    events = settings.take()
    return [(event.leg, event.branch) for event in events if isinstance(event, ChangeLegSettings)]


BY_INDEX = [(CALLEE, "br1"), (CALLER, "br1")]


def test_whose_settings_they_are_in_an_initial_request() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    assert where(view, settings) == [(CALLER, ""), (CALLEE, ""), *BY_INDEX]
    assert where(failure(view, 486), settings) == [(CALLER, ""), (CALLEE, ""), *BY_INDEX]
    assert where(branch(view, 2), settings) == [(CALLEE, "br2"), (CALLER, "br2"), *BY_INDEX]
    assert where(reply(view, 183, 2), settings) == [(CALLEE, "br2"), (CALLER, "br2"), *BY_INDEX]


@pytest.mark.parametrize(
    ("sender", "other", "from_tag", "to_tag"), [(CALLER, CALLEE, "tC", "tA"), (CALLEE, CALLER, "tA", "tC")]
)
def test_whose_settings_they_are_in_a_dialog(sender: str, other: str, from_tag: str, to_tag: str) -> None:
    settings = CallSettings(
        RelaySettings(tags={Tag("tB"): BranchId("br0"), Tag("tA"): BranchId("br3")}, established="br3")
    )
    view = request(text(from_tag=from_tag, to_tag=to_tag), settings, sender=sender)
    assert where(view, settings) == [(sender, "br3"), (other, "br3"), *BY_INDEX]
    assert where(branch(view), settings) == [(sender, "br3"), (other, "br3"), *BY_INDEX]
    assert where(reply(view), settings) == [(other, "br3"), (sender, "br3"), *BY_INDEX]


def test_in_a_dialog_whose_tag_is_not_known_the_established_branch_is_meant() -> None:
    settings = CallSettings(RelaySettings(established="br4"))
    request(text(to_tag="tX"), settings).rtp_relay.flags = "a"
    assert settings.relay.settings == {(CALLER, "br4"): {"flags": "a"}}


def test_reading_gives_what_is_in_force() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    view.rtp_relay_peer.flags, view.rtp_relay_peer.type = "all", "RTP/AVP"
    view.rtp_relay[1].flags = "one"
    assert (view.rtp_relay[0].flags, view.rtp_relay[1].flags) == ("all", "one")
    assert view.rtp_relay[1].in_force == {"flags": "one", "type": "RTP/AVP"}
    assert branch(view, 1).rtp_relay.flags == "one"
    assert view.rtp_relay.flags == ""
    view.rtp_relay[1].type = None
    assert view.rtp_relay[1].type == ""


def test_body_and_disabled_have_their_types() -> None:
    leg = request().rtp_relay
    assert (leg.body, leg.disabled) == (None, False)
    leg.body, leg.disabled = "v=0", 1
    assert (leg.body, leg.disabled) == (b"v=0", True)
    leg.body, leg.disabled = b"v=1", "0"
    assert (leg.body, leg.disabled) == (b"v=1", False)
    leg.disabled = True
    assert leg.in_force == {"disabled": "1"}


def test_settings_go_by_item_too() -> None:
    leg = request().rtp_relay
    leg["flags"], leg["disabled"], leg["body"] = "a", True, "v=0"
    assert (leg["flags"], leg["disabled"], leg["body"]) == ("a", True, b"v=0")
    leg["flags"] = None
    assert leg["flags"] == ""


def test_flags_are_what_is_meant_without_a_name() -> None:
    settings = CallSettings(RelaySettings(tags={Tag("tA"): BranchId("br5")}))
    view = request(settings=settings)
    view.rtp_relay = "co"
    view.rtp_relay_peer = "r"
    view.rtp_relay[1] = "cor"
    view.rtp_relay["tA"] = "x"
    assert settings.relay.settings == {
        (CALLER, ""): {"flags": "co"},
        (CALLEE, ""): {"flags": "r"},
        (CALLEE, "br1"): {"flags": "cor"},
        (CALLEE, "br5"): {"flags": "x"},
    }


def test_a_branch_goes_by_its_callees_tag() -> None:
    settings = CallSettings(
        RelaySettings(tags={Tag("tA"): BranchId("br0"), Tag("tB"): BranchId("br1"), Tag("flags"): BranchId("br2")})
    )
    view = request(settings=settings)
    view.rtp_relay["tB"].ip = "192.0.2.1"
    view.rtp_relay.branch("flags").ip = "192.0.2.2"
    assert settings.relay.settings == {
        (CALLEE, "br1"): {"ip": "192.0.2.1"},
        (CALLEE, "br2"): {"ip": "192.0.2.2"},
    }


def test_a_tag_is_known_as_soon_as_it_was_learned() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    with pytest.raises(BadSetting, match="no branch has the tag 'tB'; there are none"):
        view.rtp_relay.branch("tB")
    settings.learn(Tag("tB"), BranchId("br1"))
    view.rtp_relay["tB"].flags = "x"
    assert settings.relay.in_force(CALLEE, BranchId("br1")) == {"flags": "x"}


def test_several_at_once() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    view.rtp_relay.set(flags="a", ip="192.0.2.1", disabled=False)
    view.rtp_relay_ctx.set(callid="x", flags=1)
    assert settings.take() == [
        ChangeLegSettings(leg=CALLER, branch=NO_BRANCH, values={"flags": "a", "ip": "192.0.2.1", "disabled": "0"}),
        ChangeContextSettings(values={"callid": "x", "flags": "1"}),
    ]


def test_the_context_in_all_its_spellings() -> None:
    settings = CallSettings()
    context = request(settings=settings).rtp_relay_ctx
    assert context.callid == ""
    context.call_id = "x"
    context["from-tag"] = "f"
    context.to_tag = "t"
    context.flags = context.delete = "d"
    assert (context.callid, context["call-id"], context.from_tag, context["to-tag"]) == ("x", "x", "f", "t")
    context["delete"] = None
    assert context.in_force == {"callid": "x", "from_tag": "f", "to_tag": "t", "flags": "d", "delete": ""}
    assert settings.relay.context == context.in_force


def test_variables_of_the_script_live_with_the_call() -> None:
    settings = CallSettings(variables={"old": "1"})
    variables = request(settings=settings).vars
    variables["new"] = "2"
    assert dict(variables) == {"old": "1", "new": "2"}
    assert (len(variables), variables.get("none"), "old" in variables) == (2, None, True)
    assert settings.take() == [SetCallVariable(variable="new", value="2")]
    assert repr(variables) == "{'old': '1', 'new': '2'}"


def test_engaging() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    view.rtp_relay_engage("rtpengine", "edge")
    branch(view, 1).rtp_relay_engage("rtpproxy")
    failure(view, 500).rtp_relay_engage("route", set="other")
    assert settings.take() == [
        EngageRelay(engine="rtpengine", set="edge"),
        EngageRelay(engine="rtpproxy", set="default", branch=BranchId("br1")),
        EngageRelay(engine="route", set="other"),
    ]


LEG_NAMES = "LegSettings has no 'flag'; there are body, branch, delete, disabled, flags, iface, in_force, ip, peer, set"


def test_a_name_that_there_is_not() -> None:
    leg: Any = request().rtp_relay
    with pytest.raises(AttributeError, match=LEG_NAMES):
        _ = leg.flag
    with pytest.raises(AttributeError, match=LEG_NAMES):
        leg.flag = "x"
    with pytest.raises(AttributeError, match="ContextSettings has no 'branch'; there are call_id, callid, delete"):
        request().rtp_relay_ctx.branch = "x"  # type: ignore[attr-defined]
    with pytest.raises(BadSetting, match=r"\['flag'\] is neither a branch's index .* tags: none yet"):
        _ = leg["flag"]
    with pytest.raises(BadSetting, match=r"\['flag'\] is neither a branch's index"):
        leg["flag"] = "x"
    with pytest.raises(BadSetting, match="there is no setting 'branch'; there are callid"):
        _ = request().rtp_relay_ctx["branch"]
    with pytest.raises(BadSetting, match="branch -1: branches count from 0"):
        _ = leg[-1]
    with pytest.raises(BadSetting, match="there is no setting 'flag'"):
        leg.set(flag="x")


def test_what_they_are_for_a_log() -> None:
    view = request()
    view.rtp_relay.flags, view.rtp_relay.body = "a", "secret"
    view.rtp_relay_ctx.callid = "x"
    assert repr(view.rtp_relay) == "<caller, all branches: {'flags': 'a'}>"
    assert repr(view.rtp_relay[1]) == "<callee, br1: {}>"
    assert repr(view.rtp_relay_ctx) == "<context: {'callid': 'x'}>"


def test_what_is_assigned_are_the_flags() -> None:
    settings = CallSettings()
    view = request(settings=settings)
    view.rtp_relay = "co"
    view.rtp_relay_peer = "fo"
    view.rtp_relay[1] = "cor"
    view.rtp_relay_peer[0] = None
    branch(view, 2).rtp_relay = "r"
    flags = [(each.leg, each.branch, each.values) for each in settings.take() if isinstance(each, ChangeLegSettings)]
    assert flags == [
        (CALLER, "", {"flags": "co"}),
        (CALLEE, "", {"flags": "fo"}),
        (CALLEE, "br1", {"flags": "cor"}),
        (CALLER, "br0", {"flags": ""}),
        (CALLEE, "br2", {"flags": "r"}),
    ]
    view.rtp_relay.ip = "192.0.2.1"
    assert view.rtp_relay.in_force == {"flags": "co", "ip": "192.0.2.1"}


@pytest.mark.parametrize("wrong", [{"flags": "co"}, ["co"], True, 1.5, b"co"])
def test_nothing_but_a_text_is_assigned(wrong: Any) -> None:
    settings = CallSettings()
    view = request(settings=settings)
    with pytest.raises(BadSetting, match=r"rtp_relay = .* expected a text, its flags; peer, ip, .* as rtp_relay\.ip"):
        view.rtp_relay = wrong
    with pytest.raises(BadSetting, match=r"rtp_relay_peer = .* expected a text"):
        view.rtp_relay_peer = wrong
    with pytest.raises(BadSetting, match=r"\[1\] = .* expected a text"):
        view.rtp_relay[1] = wrong
    with pytest.raises(BadSetting):
        view.rtp_relay = view.rtp_relay_peer  # type: ignore[assignment]
    assert settings.take() == []


@pytest.mark.parametrize("index", [True, 1.5, None, (0, 1)])
def test_what_is_no_index(index: Any) -> None:
    with pytest.raises(
        BadSetting, match=r"is neither a branch's index \(0, 1, ...\) nor its callee's tag nor a setting"
    ):
        request().rtp_relay[index] = "co"
    with pytest.raises(BadSetting):
        request().rtp_relay_ctx[index] = "co"


def test_what_can_only_be_read_says_what_can_be_set() -> None:
    view: Any = request()
    with pytest.raises(AttributeError, match=r"rtp_relay_ctx itself cannot be set, but what it has: .*from_tag"):
        view.rtp_relay_ctx = "co"
    with pytest.raises(AttributeError, match=r"Request\.vars cannot be set; there can be set: body, .*rtp_relay, "):
        view.vars = {}


def test_a_set_may_be_a_number() -> None:
    settings = CallSettings(sets=SetNames({1: "west"}))
    view = request(settings=settings)
    for given in (1, "1", 2, 0, "gold"):
        view.rtp_relay_engage("rtpengine", given)
    branch(view, 1).rtp_relay_engage("rtpproxy", 1)
    engaged = [(each.set, each.branch) for each in settings.take() if isinstance(each, EngageRelay)]
    assert engaged == [("west", ""), ("west", ""), ("2", ""), ("default", ""), ("gold", ""), ("west", "br1")]
    wrong: Any = -1
    with pytest.raises(BadSetting, match="-1 is no set"):
        view.rtp_relay_engage("rtpengine", wrong)
