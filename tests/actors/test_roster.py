"""Which nodes there are to be: what is decided goes before what is configured, each thing by itself."""

from __future__ import annotations

from dataclasses import replace

from actors.engine_settings import EngineSettings
from actors.roster import RosterNode, overruled, roster
from engines.health import AdminState
from engines.sets import NodeSpec
from events.names import NodeName
from events.node_events import NodeAdded, NodeChanged, NodeEvent, NodeLeaving, NodeRemoved, NodeReset, NodeStateSet
from replay.nodes import DecidedNodes, fold_nodes
from tests.events.decisions_contract import decided

NODE, OTHER = NodeName("relay-1"), NodeName("relay-2")
CONFIGURED = [
    RosterNode(NodeSpec(name=name, engine="rtpengine", url=f"udp:{name}:2223", weight=2), EngineSettings(timeout=3))
    for name in (NODE, OTHER)
]
ADDED = NodeAdded(node=NodeName("relay-3"), asked_by="ann", engine="rtpproxy", url="udp:h:1", set="gold", timeout=2500)


def of(*events: NodeEvent) -> DecidedNodes:
    return fold_nodes(decided(version, event=event) for version, event in enumerate(events, 1))


def set_to(state: AdminState) -> NodeStateSet:
    return NodeStateSet(node=NODE, asked_by="ann", state=state)


def test_without_decisions_the_configuration_holds() -> None:
    assert roster(CONFIGURED, of()) == CONFIGURED
    assert list(overruled(CONFIGURED, of())) == []


def test_each_thing_that_is_decided_is_in_place_of_what_is_configured() -> None:
    changed = of(NodeChanged(node=NODE, asked_by="ann", weight=0, priority=1), set_to(AdminState.DISABLED))
    first, second = roster(CONFIGURED, changed)
    assert first.spec == replace(CONFIGURED[0].spec, weight=0, priority=1)
    assert (first.settings.admin, first.settings.timeout) == (AdminState.DISABLED, 3)
    assert second == CONFIGURED[1]
    assert list(overruled(CONFIGURED, changed)) == [
        (NODE, "weight is 0, not 2"),
        (NODE, "priority is 1, not 0"),
        (NODE, "the node is disabled, not active"),
    ]


def test_a_configured_node_that_is_to_drain_is_active_if_that_is_decided() -> None:
    draining = [replace(CONFIGURED[0], settings=EngineSettings(admin=AdminState.DRAINING))]
    assert roster(draining, of())[0].settings.admin is AdminState.DRAINING
    assert roster(draining, of(set_to(AdminState.ACTIVE)))[0].settings.admin is AdminState.ACTIVE
    assert roster(draining, of(set_to(AdminState.ACTIVE), NodeReset(node=NODE, asked_by="ann"))) == draining


def test_a_node_that_is_to_leave_or_is_removed_gets_no_calls() -> None:
    leaving = roster(CONFIGURED, of(NodeLeaving(node=NODE, asked_by="ann")))[0]
    assert (leaving.settings.admin, leaving.gone) == (AdminState.DRAINING, False)
    removed = of(set_to(AdminState.DISABLED), NodeRemoved(node=NODE, asked_by="ann"))
    gone = roster(CONFIGURED, removed)[0]
    assert (gone.settings.admin, gone.gone) == (AdminState.DRAINING, True)
    assert list(overruled(CONFIGURED, removed)) == [(NODE, "the node is removed")]


def test_an_added_node_comes_after_the_configured_ones_and_is_described_by_a_configuration_that_has_it() -> None:
    added = roster(CONFIGURED, of(ADDED))[2]
    assert (added.spec.name, added.spec.url, added.spec.set, added.settings.timeout) == (
        "relay-3",
        "udp:h:1",
        "gold",
        2.5,
    )
    configured = RosterNode(NodeSpec(name=NodeName("relay-3"), engine="rtpproxy", url="udp:i:2"), EngineSettings())
    assert roster([configured], of(ADDED)) == [configured]


def test_an_actor_does_for_another_share_of_calls_and_not_for_another_address() -> None:
    (node, _) = CONFIGURED
    for same in (replace(node.spec, weight=9), replace(node.spec, set="x"), replace(node.spec, priority=3)):
        assert node.talks_as(replace(node, spec=same))
    assert node.talks_as(replace(node, settings=replace(node.settings, admin=AdminState.DISABLED)))
    assert not node.talks_as(replace(node, spec=replace(node.spec, url="udp:elsewhere:1")))
    assert not node.talks_as(replace(node, settings=replace(node.settings, timeout=9)))
