"""The settings that scripts write: checked, seen at once, journalled once, and only what was kept."""

from __future__ import annotations

import asyncio

import pytest

from actors.setting_values import BadSetting
from events.names import NO_BRANCH, BranchId, Tag
from gateways.sip.calls.settings import CallSettings
from replay.relay_settings import CALLEE, CALLER, Engagement, RelaySettings
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, SetCallVariable


def test_what_is_written_is_in_force_and_given_once() -> None:
    settings = CallSettings()
    settings.engage("rtpengine", "edge", BranchId("br1"))
    settings.set_leg(CALLEE, NO_BRANCH, {"flags": "a", "disabled": True, "body": "v=0"})
    settings.set_context({"call-id": "x", "flags": 3})
    settings.set_variable("n", "1")
    assert settings.relay.engagement(BranchId("br1")) == Engagement("rtpengine", "edge")
    assert settings.relay.engagement(BranchId("br0")) is None
    assert settings.relay.in_force(CALLEE, BranchId("br1")) == {"flags": "a", "disabled": "1"}
    assert settings.relay.body(CALLEE, BranchId("br1")) == b"v=0"
    assert settings.relay.context == {"callid": "x", "flags": "3"}
    assert settings.variables == {"n": "1"}
    assert settings.take() == [
        EngageRelay(engine="rtpengine", set="edge", branch=BranchId("br1")),
        ChangeLegSettings(leg=CALLEE, branch=NO_BRANCH, values={"flags": "a", "disabled": "1"}, body=b"v=0"),
        ChangeContextSettings(values={"callid": "x", "flags": "3"}),
        SetCallVariable(variable="n", value="1"),
    ]
    assert settings.take() == []
    assert settings.variables == {"n": "1"}


def test_what_it_was_made_of_stays_as_it_is() -> None:
    relay = RelaySettings(settings={(CALLER, NO_BRANCH): {"flags": "a"}}, tags={Tag("tA"): BranchId("br0")})
    variables = {"n": "1"}
    settings = CallSettings(relay, variables)
    settings.set_leg(CALLER, NO_BRANCH, {"flags": "b"})
    settings.set_variable("n", "2")
    settings.engage("rtpproxy")
    settings.learn(Tag("tB"), BranchId("br1"))
    assert relay == RelaySettings(settings={(CALLER, NO_BRANCH): {"flags": "a"}}, tags={Tag("tA"): BranchId("br0")})
    assert variables == {"n": "1"}
    assert settings.relay.tags == {"tA": "br0", "tB": "br1"}
    assert settings.relay.in_force(CALLER, NO_BRANCH) == {"flags": "b"}


def test_a_call_is_tracked_for_a_relay_or_a_variable_only() -> None:
    settings = CallSettings()
    settings.set_leg(CALLER, NO_BRANCH, {"flags": "a"})
    assert (settings.engaged, settings.tracked) == (False, False)
    settings.set_variable("n", "1")
    assert (settings.engaged, settings.tracked) == (False, True)
    settings.engage("route")
    assert (settings.engaged, settings.tracked) == (True, True)
    assert CallSettings(settings.relay).engaged


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"flag": "x"}, "there is no setting 'flag'; there are flags, peer, ip, type, iface, body, delete, disabled"),
        ({"flags": ["x"]}, r"flags: \['x'\] is neither a text nor a number"),
        ({"body": 3}, "body: 3 is no session description"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(values: dict[str, str], why: str) -> None:
    settings = CallSettings()
    with pytest.raises(BadSetting, match=why):
        settings.set_leg(CALLER, NO_BRANCH, values)
    assert settings.take() == []


def test_a_relay_that_cannot_be_engaged_is_refused() -> None:
    with pytest.raises(BadSetting, match="no relay kind 'rtpengin'; there are mediaproxy, route, rtpengine, rtpproxy"):
        CallSettings().engage("rtpengin")
    with pytest.raises(BadSetting, match="before it is answered"):
        CallSettings(RelaySettings(established="br0")).engage("rtpengine")
    with pytest.raises(BadSetting, match="the dialog began without a relay"):
        CallSettings(of_no_call=True).engage("rtpengine")


def test_other_names_are_refused() -> None:
    with pytest.raises(BadSetting, match="there is no setting 'branch'; there are callid, from_tag"):
        CallSettings().set_context({"branch": "x"})
    with pytest.raises(BadSetting, match="name and value are texts"):
        CallSettings().set_variable("n", 1)  # type: ignore[arg-type]


def test_a_draft_that_ends_well_is_kept() -> None:
    settings = CallSettings()
    with settings.draft():
        settings.engage("rtpengine")
        settings.set_leg(CALLER, BranchId("br0"), {"flags": "a"})
        assert settings.relay.in_force(CALLER, BranchId("br0")) == {"flags": "a"}
        seen_outside = settings.tracked, settings.take()
    assert seen_outside == (False, [])
    assert settings.engaged
    assert len(settings.take()) == 2
    assert settings.relay.in_force(CALLER, BranchId("br0")) == {"flags": "a"}


def test_of_a_draft_that_fails_nothing_is_left() -> None:
    settings = CallSettings(variables={"n": "1"})
    settings.set_context({"flags": "before"})

    def fail() -> None:
        with settings.draft():
            settings.engage("rtpengine")
            settings.set_leg(CALLER, NO_BRANCH, {"flags": "a", "body": "v=0"})
            settings.set_context({"flags": "within"})
            settings.set_variable("n", "2")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert settings.relay == RelaySettings(context={"flags": "before"})
    assert settings.variables == {"n": "1"}
    assert settings.take() == [ChangeContextSettings(values={"flags": "before"})]


async def test_drafts_beside_each_other_do_not_see_each_other() -> None:
    settings = CallSettings()
    written, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        with settings.draft():
            settings.set_leg(CALLER, BranchId("br0"), {"flags": "slow"})
            written.set()
            await ended.wait()
            assert settings.relay.in_force(CALLER, BranchId("br1")) == {}
            raise ValueError("the slow one fails")

    task = asyncio.create_task(slow())
    await written.wait()
    assert settings.relay.in_force(CALLER, BranchId("br0")) == {}
    with settings.draft():
        settings.set_leg(CALLER, BranchId("br1"), {"flags": "quick"})
    ended.set()
    with pytest.raises(ValueError, match="the slow one"):
        await task
    assert settings.take() == [ChangeLegSettings(leg=CALLER, branch=BranchId("br1"), values={"flags": "quick"})]


async def test_what_a_function_has_started_cannot_write_when_it_has_ended() -> None:
    settings = CallSettings()

    async def late() -> None:
        settings.set_variable("n", "1")

    with settings.draft():
        task = asyncio.create_task(late())
    with pytest.raises(BadSetting, match="the script function has ended"):
        await task
    assert settings.variables == {}


def test_a_draft_of_one_call_is_none_of_another() -> None:
    one, other = CallSettings(), CallSettings()
    with one.draft():
        other.set_variable("n", "1")
        assert other.tracked
