"""Each thing that can be wrong is found, and named with how to mend it; and what is well is said to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.control.status import ControlNodeStatus, NodeStatus
from actors.engine_settings import EngineSettings
from actors.roster import RosterNode
from engines.health import AdminState, NodeState
from engines.sets import NodeSpec
from events.names import NodeName
from events.redis.refusals import Refusal
from events.redis.write_trial import WriteTrial
from rtp_relay.assembly.nodes import node_keeper
from rtp_relay.config import Durability, parse
from rtp_relay.doctor.checks.cluster import check_cluster
from rtp_relay.doctor.checks.configuration import check_configuration
from rtp_relay.doctor.checks.doors import check_doors, is_public
from rtp_relay.doctor.checks.machine import check_clock, check_files, check_limits
from rtp_relay.doctor.checks.nodes import check_nodes
from rtp_relay.doctor.checks.redis import check_redis, unreachable
from rtp_relay.doctor.facts import Bound, ClusterFacts, DoorFacts, FileFacts, MachineFacts, NodeFacts, RedisFacts
from rtp_relay.doctor.findings import Finding, Verdict
from rtp_relay.doctor.gather.cluster import twice
from rtp_relay.doctor.gather.nodes import node_facts

OK, WARNING, WRONG = Verdict

REDIS = RedisFacts(
    place="redis://h:6379",
    info={"redis_version": "7.0.15", "role": "master", "used_memory": "1000000", "aof_enabled": "1"},
    settings={"appendfsync": "everysec", "save": ""},
    ahead=3,
    round_trip=0.2,
    journal="ours",
)


def only(findings: Iterable[Finding]) -> Finding:
    """Return the one finding; what is not well is said how to mend."""
    (finding,) = findings
    assert bool(finding.mend) == (finding.verdict is not OK)
    return finding


def redis(durability: Durability = Durability.MEMORY, info: Mapping[str, str] = {}, **more: Any) -> Finding:
    facts = replace(REDIS, info={**REDIS.info, **info}, **more)
    return only(check_redis([facts], durability, "ours"))


def test_a_redis_that_is_well() -> None:
    found = redis()
    assert (found.verdict, found.what) == (OK, "Redis 7.0.15 at redis://h:6379 answers within 0.2 ms, 1 MB used")
    assert redis(settings=None).verdict is OK
    valkey = {"server_name": "valkey", "valkey_version": "8.1.0", "redis_version": "7.2.4"}
    assert redis(Durability.FSYNC, valkey).what.startswith("Valkey 8.1.0 at ")
    assert redis(Durability.REPLICA, {"connected_slaves": "1"}).verdict is OK
    assert redis(Durability.FSYNC, settings={"appendfsync": "always"}).verdict is OK


@pytest.mark.parametrize(
    ("info", "verdict", "what"),
    [
        ({"redis_version": "5.0.7"}, WRONG, "is too old"),
        ({"role": "slave"}, WRONG, "is a replica and takes no events"),
        ({"loading": "1"}, WARNING, "is reading its data"),
        ({"master_link_status": "down"}, WRONG, "has lost its master"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": "9000000"}, WRONG, "forgets calls when it is full"),
        ({"maxmemory_policy": "allkeys-lru"}, WARNING, "would forget calls"),
        ({"maxmemory": "1200000"}, WARNING, "uses 83% of its maxmemory, 1 MB"),
        ({"maxmemory": "1010000"}, WRONG, "uses 99% of its maxmemory"),
        ({"total_system_memory": "1100000"}, WARNING, "uses 91% of the machine's memory"),
        ({"aof_last_write_status": "err"}, WRONG, "could not write its append-only file"),
        ({"aof_last_bgrewrite_status": "err"}, WRONG, "could not write its append-only file"),
        ({"rdb_last_bgsave_status": "err"}, WRONG, "could not save its data"),
        ({"aof_enabled": "0"}, WARNING, "forgets everything when it is restarted"),
    ],
)
def test_a_redis_that_is_not(info: dict[str, str], verdict: Verdict, what: str) -> None:
    found = redis(info=info)
    assert found.verdict is verdict
    assert what in found.what


@pytest.mark.parametrize(
    ("durability", "info", "verdict", "what"),
    [
        (Durability.FSYNC, {}, WRONG, "needs Redis 7.2, or appendfsync always"),
        (Durability.FSYNC, {"aof_enabled": "0"}, WRONG, "needs an append-only file"),
        (Durability.REPLICA, {}, WRONG, "has no replica"),
    ],
)
def test_a_durability_that_redis_cannot_keep(
    durability: Durability, info: dict[str, str], verdict: Verdict, what: str
) -> None:
    found = redis(durability, info)
    assert found.verdict is verdict
    assert what in found.what


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        ({"settings": {"appendfsync": "no"}}, WARNING, "leaves it to the system"),
        ({"round_trip": 25.0}, WARNING, "answers in 25 ms at best"),
        ({"journal": "another's"}, WRONG, "this program needs 'ours'"),
        ({"unread": Refusal("BUSY", "BUSY a script")}, WRONG, "the journal at redis://h:6379 cannot be read: BUSY a "),
        ({"unread": Refusal("WRONGTYPE", "WRONGTYPE x")}, WRONG, "that names the journal holds something else"),
        ({"spoilt": ["r:{3}:due"]}, WRONG, "the key r:{3}:due at redis://h:6379 holds something else"),
    ],
)
def test_more_of_redis(facts: dict[str, Any], verdict: Verdict, what: str) -> None:
    found = redis(**facts)
    assert found.verdict is verdict
    assert what in found.what


@pytest.mark.parametrize(
    ("facts", "mend"),
    [
        ({"unread": Refusal("BUSY", "why")}, "wait, or end the script"),
        ({"unread": Refusal("NOPERM", "why")}, "give the user of [journal] url what it lacks"),
        ({"unread": Refusal("", "why")}, "see the log of Redis"),
        ({"unread": Refusal("WRONGTYPE", "why")}, "if calls are there, DEL the key <prefix>:journal"),
        ({"journal": "x"}, "if calls are there, DEL the key <prefix>:journal"),
        ({"journal": "rtp-relay journal, format 9"}, "use the program that it belongs to"),
    ],
)
def test_nobody_is_told_to_leave_the_calls_behind(facts: dict[str, Any], mend: str) -> None:
    assert redis(**facts).mend.startswith(mend)


def test_a_redis_that_does_not_let_anybody_ask() -> None:
    found = unreachable("redis://h", "why", Refusal("WRONGPASS", "WRONGPASS invalid"))
    assert (found.verdict, found.what) == (WRONG, "redis://h refuses to be asked: WRONGPASS invalid")
    assert "the password in [journal] url" in found.mend


@pytest.mark.parametrize(
    ("durability", "info", "trial", "what"),
    [
        (
            Durability.MEMORY,
            {},
            WriteTrial(Refusal("OOM", "OOM full")),
            "refuses to be written, and so calls are refused: OOM ",
        ),
        (Durability.MEMORY, {}, WriteTrial(Refusal("NOREPLICAS", "why")), "refuses to be written"),
        (
            Durability.MEMORY,
            {"role": "slave"},
            WriteTrial(Refusal("READONLY", "why")),
            "is a replica and takes no events",
        ),
        (
            Durability.FSYNC,
            {"redis_version": "7.2.0"},
            WriteTrial(confirmed=False),
            "does not confirm that what is written",
        ),
        (Durability.REPLICA, {"connected_slaves": "1"}, WriteTrial(confirmed=False), "no replica of Redis 7.0.15 at "),
        (Durability.REPLICA, {}, WriteTrial(confirmed=False), "has no replica"),
    ],
)
def test_a_redis_that_takes_no_events_is_told_once(
    durability: Durability, info: dict[str, str], trial: WriteTrial, what: str
) -> None:
    found = redis(durability, info, trial=trial)
    assert found.verdict is WRONG
    assert what in found.what


def test_what_cannot_be_read_nor_written_for_one_reason_is_told_once() -> None:
    busy = Refusal("BUSY", "BUSY a script")
    assert "cannot be read" in redis(unread=busy, trial=WriteTrial(busy)).what


def test_of_a_redis_that_says_nothing_of_itself_no_replica_is_missed() -> None:
    facts = replace(REDIS, info={}, unread=Refusal("BUSY", "BUSY a script"))
    assert "cannot be read" in only(check_redis([facts], Durability.REPLICA, "ours")).what


@pytest.mark.parametrize(("ahead", "what"), [(2500, "is 2.5 s ahead of"), (-60_000, "is 60.0 s behind")])
def test_a_redis_with_another_time(ahead: float, what: str) -> None:
    well, clock = check_redis([replace(REDIS, ahead=ahead)], Durability.MEMORY, "ours")
    assert (well.verdict, clock.verdict) == (OK, WARNING)
    assert what in clock.what


NODE = NodeFacts(name="n1", engine="rtpengine", url="udp:h:1", media=("192.0.2.1",), ports=(30000,))


def node(*, public: bool = True, **more: Any) -> Finding:
    return only(check_nodes([replace(NODE, **more)], public=public, embedded=False, runs=True))


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        ({}, OK, "answers, and took media at 192.0.2.1 port 30000"),
        ({"media": (), "ports": ()}, OK, "n1 (rtpengine at udp:h:1) answers"),
        ({"silence": "did not answer within 1.5 s"}, WRONG, "does not answer: did not answer within 1.5 s"),
        ({"disabled": True}, OK, "is disabled, and was asked for nothing: rtp-relay enable n1 takes it back"),
        ({"refusal": "no ports left"}, WRONG, "refuses a trial session: no ports left"),
        ({"media": ("0.0.0.0",)}, WRONG, "which is none"),
        ({"media": ("127.0.0.1",)}, WRONG, "where no other machine reaches it"),
        ({"media": ("127.0.0.1",), "public": False}, OK, "answers"),
        ({"media": ("fe80::1",)}, WARNING, "valid on one link alone"),
        ({"media": ("relay.example.com",)}, WARNING, "gives a name"),
    ],
)
def test_nodes(facts: dict[str, Any], verdict: Verdict, what: str) -> None:
    found = node(**facts)
    assert found.verdict is verdict
    assert what in found.what


async def test_a_node_that_is_disabled_is_asked_for_nothing() -> None:
    spec = NodeSpec(name=NodeName("n1"), engine="rtpengine", url="udp:127.0.0.1:9")
    async with node_keeper() as keeper:
        assert not await keeper.keep([RosterNode(spec, EngineSettings(admin=AdminState.DISABLED))], {}, {})
        for trial in (True, False):
            facts = await node_facts(keeper.table.all()[0], trial=trial)
            assert (facts.disabled, facts.silence, facts.media) == (True, "", ())


def test_a_trial_session_that_may_be_left() -> None:
    left, well = check_nodes([replace(NODE, left=True)], public=True, embedded=False, runs=True)
    assert (left.verdict, well.verdict) == (WARNING, OK)


@pytest.mark.parametrize(
    ("public", "embedded", "verdict"),
    [(True, True, WRONG), (False, True, OK), (True, False, WRONG), (False, False, WRONG)],
)
def test_without_nodes(public: bool, embedded: bool, verdict: Verdict) -> None:
    assert only(check_nodes([], public=public, embedded=embedded, runs=False)).verdict is verdict


DOOR = DoorFacts(door="ng", transport="udp", host="127.0.0.1", port=2223, bound=Bound.TAKEN)


@pytest.mark.parametrize(
    ("bound", "runs", "verdict", "what"),
    [
        (Bound.TAKEN, True, OK, "ng: udp:127.0.0.1:2223 is open"),
        (Bound.FREE, False, OK, "is free"),
        (Bound.TAKEN, False, WRONG, "taken by another program"),
        (Bound.FREE, True, WRONG, "is not open, and the service runs"),
        (Bound.NOT_HERE, True, WRONG, "no address of this machine"),
        (Bound.NOT_HERE, False, WRONG, "no address of this machine"),
        (Bound.NOT_PERMITTED, False, WRONG, "may not be used by this user"),
        (Bound.NOT_PERMITTED, True, OK, "is open"),
    ],
)
def test_doors(bound: Bound, runs: bool, verdict: Verdict, what: str) -> None:
    found = only(check_doors([replace(DOOR, bound=bound)], parse("", Path("c.toml")), runs=runs))
    assert found.verdict is verdict
    assert what in found.what


def test_datagrams_that_were_dropped() -> None:
    door, dropped = check_doors([replace(DOOR, dropped=7)], parse("", Path("c.toml")), runs=True)
    assert (door.verdict, dropped.verdict) == (OK, WARNING)
    assert "7 datagrams to udp:127.0.0.1:2223" in dropped.what


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ('[ng]\nlisten = ["udp:192.0.2.1:2223"]', "[ng] allow lets none in"),
        ('[ng]\nlisten = ["udp:0.0.0.0:2223"]\nallow = ["0.0.0.0/0"]', "anybody may command relays"),
        ('[ng]\nlisten = ["udp:127.0.0.1:2223"]\nallow = ["192.0.2.0/24"]', "listens on this one alone"),
        ('[sip]\nlisten = ["udp:[::]:5060"]\nallow = []', "listens on every address (udp:[::]:5060)"),
    ],
)
def test_who_is_let_in(toml: str, what: str) -> None:
    found = only(check_doors([], parse(toml, Path("c.toml")), runs=True))
    assert found.verdict is WARNING
    assert what in found.what


@pytest.mark.parametrize(
    ("hosts", "public"), [([], False), (["127.0.0.1", "::1"], False), (["127.0.0.1", "0.0.0.0"], True), (["::"], True)]
)
def test_which_addresses_others_reach(hosts: list[str], public: bool) -> None:
    assert is_public(hosts) is public


FILE = FileFacts(what="a file", path=Path("/x"), mode=0o640)


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        ({}, OK, "a file: /x"),
        ({"mode": None}, WRONG, "is not there"),
        ({"mode": None, "folder": True}, OK, "the service makes it"),
        ({"mode": 0o646}, WRONG, "can be changed by anybody"),
        ({"mode": 0o644, "secret": True}, WRONG, "anybody can read it"),
        ({"mode": 0o755, "secret": True, "folder": True}, WARNING, "anybody can read it"),
        ({"mode": 0o660, "code": True}, WARNING, "changed by its group"),
        ({"mode": 0o750, "folder": True, "writable": False}, WARNING, "cannot be written to"),
        ({"mode": 0o750, "folder": True, "free": 10**8, "size": 10**10}, WRONG, "has 100 MB left, 99% are used"),
        ({"mode": 0o750, "folder": True, "free": 10**10, "size": 10**11}, OK, "a file: /x"),
    ],
)
def test_files(facts: dict[str, Any], verdict: Verdict, what: str) -> None:
    found = only(check_files([replace(FILE, **facts)]))
    assert found.verdict is verdict
    assert what in found.what


MACHINE = MachineFacts(service_runs=True, open_files=50, most_files=65536, receive_buffer=8_388_608)


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        ({}, OK, "65536 open files, socket buffers of 8388608 bytes"),
        ({"most_files": None, "receive_buffer": None}, OK, "without a limit"),
        ({"most_files": 1024}, WARNING, "the service may have 1024 files open"),
        ({"most_files": 1024, "open_files": 1000}, WRONG, "has 1000 of 1024 files open"),
        ({"most_files": 1024, "open_files": None, "service_runs": False}, WARNING, "a service that this user starts"),
        ({"receive_buffer": 212_992}, WARNING, "no more than 212992 bytes"),
        ({"tracked": 900, "most_tracked": 1000}, WARNING, "tracks 900 of 1000 connections"),
        ({"tracked": 100, "most_tracked": 1000}, OK, "open files"),
    ],
)
def test_limits(facts: dict[str, Any], verdict: Verdict, what: str) -> None:
    found = only(check_limits(replace(MACHINE, **facts)))
    assert found.verdict is verdict
    assert what in found.what


@pytest.mark.parametrize(("synchronised", "verdicts"), [(True, [OK]), (False, [WARNING]), (None, [])])
def test_the_clock(synchronised: bool | None, verdicts: list[Verdict]) -> None:
    found = list(check_clock(replace(MACHINE, synchronised=synchronised)))
    assert [each.verdict for each in found] == verdicts


def relay(state: NodeState = NodeState.UP, url: str = "udp:h:1") -> NodeStatus:
    return NodeStatus(
        name="n1", engine="rtpproxy", url=url, set="default", weight=1, state=state, since=0, last_failure="timeout"
    )


def control(name: str, *nodes: NodeStatus, version: str = "1", started: int = 0) -> ControlNodeStatus:
    return ControlNodeStatus(name=name, started_at=started, seen_at=0, version=version, nodes=nodes)


@pytest.mark.parametrize(
    ("statuses", "verdict", "what"),
    [
        ([control("a/1", relay()), control("a/2", relay()), control("b", relay())], OK, "control nodes alive: a, b"),
        ([], WARNING, "no control node is alive"),
        ([control("a", relay()), control("b", relay(), version="2")], WARNING, "versions 1 and 2 run together"),
        ([control("a", relay(), version="2")], WARNING, "this program is version 1, and the control nodes are 2"),
        ([control("a", relay()), control("b")], WARNING, "(a: udp:h:1 in default, b: none)"),
        ([control("a", relay()), control("b", relay(url="udp:h:2"))], WARNING, "b: udp:h:2 in default"),
        ([control("a", relay(NodeState.DOWN))], WRONG, "control node a sees relay n1 down: timeout"),
        ([control("a", replace(relay(), weight=0))], WRONG, "no node of set default takes new calls"),
        ([control("a", replace(relay(), admin=AdminState.DRAINING))], WRONG, "no node of set default takes new calls"),
    ],
)
def test_the_cluster(statuses: list[ControlNodeStatus], verdict: Verdict, what: str) -> None:
    found = only(check_cluster(ClusterFacts(statuses=tuple(statuses), twice=frozenset(), version="1")))
    assert found.verdict is verdict
    assert what in found.what


def test_whether_control_nodes_are_alive_is_not_known_where_nothing_can_be_written() -> None:
    found = only(check_cluster(ClusterFacts(statuses=(), twice=frozenset(), version="1"), "OOM full"))
    assert found.verdict is WARNING
    assert found.what == (
        "which control nodes are alive is not known: Redis refuses what they would publish (OOM full)"
    )
    facts = ClusterFacts(statuses=(control("a", relay()),), twice=frozenset(), version="1")
    assert only(check_cluster(facts, "OOM full")).verdict is OK


@pytest.mark.parametrize(
    ("calls", "verdict", "what"),
    [
        ({"n1": 5, "n2": 0}, OK, "alive: a"),
        ({"n1": 5, "n2": 1}, WRONG, "1 call has something on relay n2, which no control node has"),
        ({"n2": 7}, WRONG, "7 calls have something on relay n2"),
    ],
)
def test_calls_on_a_relay_that_no_control_node_has(calls: dict[str, int], verdict: Verdict, what: str) -> None:
    facts = ClusterFacts(statuses=(control("a", relay()),), twice=frozenset(), version="1", calls=calls)
    found = only(check_cluster(facts))
    assert found.verdict is verdict
    assert what in found.what


@pytest.mark.parametrize(
    ("started", "found"), [([1, 1, 1], set()), ([1, 1, 2, 2], set()), ([1, 2, 1], {"a"}), ([1, 2, 2, 1, 2], {"a"})]
)
def test_two_control_nodes_of_one_name_are_told_from_one_that_started_anew(started: list[int], found: set[str]) -> None:
    looks = [[control("a", relay(), started=at), control("b", relay())] for at in started]
    assert twice(looks) == found
    facts = ClusterFacts(statuses=tuple(looks[-1]), twice=twice(looks), version="1")
    assert any("two control nodes are named a" in each.what for each in check_cluster(facts)) == bool(found)


def test_the_configuration() -> None:
    assert only(check_configuration("c.toml", (), ())).verdict is OK
    assert only(check_configuration("c.toml", (), ("sip.allow: anybody may call",))).verdict is WARNING
