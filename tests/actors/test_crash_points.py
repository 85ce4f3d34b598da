"""A control node dies at every single step over its border, in each of several stories; another one takes over.

A step is something sent to a relay, or written to or read from the journal. The client repeats what was not answered,
at the other control node. In the end nothing is leaked, nothing acknowledged is missing, and versions have no gaps.
"""

from __future__ import annotations

from typing import TypeAlias

import pytest

from events.names import CallId
from events.registry import Answered, DeleteIntended, Offered
from events.verb import Verb
from tests.actors.simulation import Asked, Cluster

Story: TypeAlias = list[tuple[Verb, dict[str, str]]]

PLAIN: Story = [
    (Verb.OFFER, {"a": "A", "sdp": "caller"}),
    (Verb.ANSWER, {"a": "A", "b": "B", "sdp": "callee"}),
    (Verb.OFFER, {"a": "B", "b": "A", "sdp": "hold"}),
    (Verb.ANSWER, {"a": "B", "b": "A", "sdp": "held"}),
    (Verb.DELETE, {"a": "A"}),
]
FORKED: Story = [
    (Verb.OFFER, {"a": "A", "branch": "b1", "sdp": "one"}),
    (Verb.OFFER, {"a": "A", "branch": "b2", "sdp": "two"}),
    (Verb.ANSWER, {"a": "A", "b": "B2", "branch": "b2", "sdp": "answer"}),
    (Verb.DELETE, {"a": "A", "branch": "b1"}),
    (Verb.DELETE, {"a": "B2"}),
]
ABANDONED: Story = [
    (Verb.OFFER, {"a": "A", "sdp": "caller"}),
    (Verb.DELETE, {"a": "A"}),
    (Verb.OFFER, {"a": "A", "sdp": "again"}),
]
STORIES = {"plain": PLAIN, "forked": FORKED, "abandoned": ABANDONED}


def play(cluster: Cluster, story: Story) -> list[Asked]:
    """Do one command after the other at the first control node; if it is dead, at the second."""
    acknowledged = []
    for verb, words in story:
        asked = cluster.ask(verb, CallId("c"), place=0, **words)
        cluster.after(6)
        if asked.reply is None:
            asked = cluster.ask(verb, CallId("c"), place=1, **words)
            cluster.after(6)
        assert asked.reply is not None, f"{verb} was never answered"
        acknowledged.append(asked)
    return acknowledged


def check_acknowledged(cluster: Cluster, acknowledged: list[Asked]) -> None:
    """Everything that was answered with ok stands in the journal, with the SDP that the client was given."""
    events = [record.event for record in cluster.stream(CallId("c"))]
    for asked in acknowledged:
        if not asked.ok:
            continue
        assert asked.reply is not None
        match asked.command.verb:
            case Verb.OFFER:
                assert any(isinstance(e, Offered) and e.relayed == asked.reply[b"sdp"] for e in events)
            case Verb.ANSWER:
                assert any(isinstance(e, Answered) and e.relayed == asked.reply[b"sdp"] for e in events)
            case Verb.DELETE if b"warning" not in asked.reply:
                assert any(isinstance(e, DeleteIntended) for e in events)


def steps_of(story: Story) -> int:
    cluster = Cluster()
    play(cluster, story)
    steps = cluster.nodes[0].life.crossed
    cluster.close()
    return steps


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("lost", ["nothing", "the relay's replies too"])
def test_a_crash_at_any_step_loses_and_leaks_nothing(name: str, lost: str) -> None:
    story = STORIES[name]
    steps = steps_of(story)
    assert steps > len(story)
    for step in range(steps):
        cluster = Cluster()
        cluster.nodes[0].life.crossings = step
        if lost != "nothing":
            for relay in cluster.relays.values():
                relay.lose_replies = 1
        acknowledged = play(cluster, story)
        cluster.heal()
        cluster.after(60)
        cluster.check_no_leak()
        cluster.check_versions()
        check_acknowledged(cluster, acknowledged)
        cluster.close()


@pytest.mark.parametrize("name", STORIES)
def test_a_crash_of_all_control_nodes_at_any_step_leaks_nothing(name: str) -> None:
    """Nobody repeats anything: what is due in the journal is all that the next process has."""
    story = STORIES[name]
    for step in range(steps_of(story)):
        cluster = Cluster(control_nodes=1)
        cluster.nodes[0].life.crossings = step
        for verb, words in story:
            cluster.ask(verb, CallId("c"), place=0, **words)
            cluster.after(6)
        cluster.heal()
        cluster.after(100)
        cluster.check_no_leak()
        cluster.check_versions()
        cluster.close()
