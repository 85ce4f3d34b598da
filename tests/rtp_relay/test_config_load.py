from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import fields
from pathlib import Path

import pytest

from actors.commands.recovery import OnNodeDown
from actors.node_down.policy import NodeDownPolicy
from engines.registry import KINDS
from events.ended import Outcome
from events.names import NodeName
from rtp_relay.config import (
    Config,
    ConfigError,
    Durability,
    EngineName,
    HostPort,
    JournalConfig,
    LogFormat,
    LogLevel,
    NodeConfig,
    OwnKeys,
    PortRange,
    SocketAddress,
    UnixAddress,
    load,
    parse,
)
from rtp_relay.config.load import PATHS, SECTIONS

FILE = Path("rtp-relay.toml")
KEY = bytes(range(32))


def problems(text: str, file: Path = FILE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, file)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def test_without_a_file_everything_has_its_default() -> None:
    config = load(None)
    assert config == Config() == parse("", FILE)
    assert config.nodes == ()
    assert config.journal.url is None
    assert config.ng.listen == (SocketAddress("udp", "127.0.0.1", 2223), SocketAddress("tcp", "127.0.0.1", 2223))


EVERYTHING = """
[service]
name = "control-1"
state_dir = "state"
max_resident = 5
passivate_after = "1m"
shutdown_grace = 0
log_level = "debug"
log_format = "json"
[journal]
url = "redis+sentinel://10.0.0.1:26379,[2001:db8::1]:26379/relays"
prefix = "r"
durability = "replica"
retention = "1w2d3h4m5s500ms"
retention_by = { failed = "30d", answered = 5 }
encryption_key_files = ["one.key", "two.key"]
call_keys = "parties"
[[nodes]]
name = "a"
engine = "rtpengine"
url = "udp:Relay-A.example:2223"
[[nodes]]
name = "b"
engine = "rtpproxy"
url = "unix:/run/b.sock"
set = "other"
weight = 0
draining = true
max_in_flight = 1
timeout = 0.25
[[nodes]]
name = "c"
engine = "rtpproxy"
url = "udp:[2001:DB8:0::1]:22222"
set = "other"
[ng]
listen = ["tcp:[::]:0", "http:[::]:0"]
allow = ["10.0.0.0/8", "192.0.2.1"]
set = "other"
max_queued_per_client = 7
reply_cache = "2m"
[calls]
offer_timeout = 1
probe_interval = 2
quality_every = "1m"
retry_interval = 3
give_up_after = 4
[embedded]
relays = 1
media_ports = "40000-40099"
"""


@pytest.fixture
def everything(tmp_path: Path) -> Config:
    """Return what a file with keys of every table says; it stands in `tmp_path`, and so do the keys."""
    private(tmp_path / "one.key").write_text(base64.b64encode(KEY).decode() + "\n")
    private(tmp_path / "two.key").write_text(KEY.hex().upper())
    file = tmp_path / "rtp-relay.toml"
    file.write_text(EVERYTHING)
    return load(file)


def test_the_service_of_a_file(everything: Config, tmp_path: Path) -> None:
    service = everything.service
    assert service.name == "control-1"
    assert service.state_dir == tmp_path / "state"
    assert (service.log_level, service.log_format) == (LogLevel.DEBUG, LogFormat.JSON)
    assert (service.max_resident, service.passivate_after, service.shutdown_grace) == (5, 60, 0)


def test_the_journal_of_a_file(everything: Config, tmp_path: Path) -> None:
    assert everything.journal == JournalConfig(
        url="redis+sentinel://10.0.0.1:26379,[2001:db8::1]:26379/relays",
        prefix="r",
        durability=Durability.REPLICA,
        retention=604800 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5.5,
        retention_by={Outcome.FAILED: 30 * 86400, Outcome.ANSWERED: 5},
        encryption_key_files=(tmp_path / "one.key", tmp_path / "two.key"),
        encryption_keys=(KEY, KEY),
        call_keys=OwnKeys.PARTIES,
    )


def test_the_nodes_of_a_file(everything: Config) -> None:
    first, second, third = everything.nodes
    assert first == NodeConfig(
        name=NodeName("a"), engine=EngineName.RTPENGINE, url=SocketAddress("udp", "relay-a.example", 2223)
    )
    assert second == NodeConfig(
        name=NodeName("b"),
        engine=EngineName.RTPPROXY,
        url=UnixAddress("/run/b.sock"),
        set="other",
        weight=0,
        draining=True,
        max_in_flight=1,
        timeout=0.25,
    )
    assert third == NodeConfig(
        name=NodeName("c"), engine=EngineName.RTPPROXY, url=SocketAddress("udp", "2001:db8::1", 22222), set="other"
    )


def test_the_ng_door_of_a_file(everything: Config) -> None:
    ng = everything.ng
    assert ng.listen == (SocketAddress("tcp", "::", 0), SocketAddress("http", "::", 0))
    assert ng.allow == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("192.0.2.1/32"))
    assert (ng.set, ng.max_queued_per_client, ng.reply_cache) == ("other", 7, 120)


def test_the_calls_and_the_embedded_relays_of_a_file(everything: Config) -> None:
    calls, embedded = everything.calls, everything.embedded
    assert calls.quality_every == 60
    assert (calls.offer_timeout, calls.probe_interval, calls.retry_interval, calls.give_up_after) == (1, 2, 3, 4)
    assert (embedded.relays, embedded.media_ports) == (1, PortRange(40000, 40099))


def test_addresses_are_written_as_they_are_read() -> None:
    config = parse('[[nodes]]\nname = "a"\nengine = "rtpproxy"\nurl = "udp:[2001:db8::1]:22222"', FILE)
    assert str(config.nodes[0].url) == "udp:[2001:db8::1]:22222"
    assert [str(address) for address in config.ng.listen] == ["udp:127.0.0.1:2223", "tcp:127.0.0.1:2223"]
    assert str(config.embedded.media_ports) == "35000-36999"
    assert len(config.embedded.media_ports) == 2000


def test_all_problems_are_named_at_once_in_the_order_of_the_file() -> None:
    text = """[service]
name = "a b"
max_resdent = 3
log_level = "loud"
[[nodes]]
name = "a"
engine = "rtpengine"
url = "udp:foo"
[[nodes]]
engine = "asterisk"
url = 7
wieght = 2
[cals]
x = 1
"""
    node_url = "udp:HOST:PORT or unix:/PATH (an IPv6 address in brackets)"
    assert problems(text) == [
        "2: service.name: found 'a b', expected a name of letters, digits and . _ -",
        "3: service.max_resdent: found an unknown key, expected a known one: did you mean max_resident?",
        "4: service.log_level: found 'loud', expected one of debug, info, warning, error",
        f"8: nodes[0].url: found 'udp:foo', expected {node_url}",
        "9: nodes[1].name: found nothing, expected the key name",
        "10: nodes[1].engine: found 'asterisk', expected one of rtpengine, rtpproxy, mediaproxy",
        f"11: nodes[1].url: found 7, expected {node_url}",
        "12: nodes[1].wieght: found an unknown key, expected a known one: did you mean weight?",
        "13: cals: found an unknown key, expected a known one: did you mean calls?",
    ]


def test_an_unknown_key_like_no_other_gets_the_list_of_keys() -> None:
    assert problems("[embedded]\nzzz = 1") == [
        "2: embedded.zzz: found an unknown key, expected one of relays, media_ports, tcp_streams, recordings"
    ]


NODE = '[[nodes]]\nname = "{name}"\nengine = "{engine}"\nurl = "{url}"\n'


def nodes(*rows: tuple[str, str, str], extra: str = "") -> str:
    return "".join(NODE.format(name=name, engine=engine, url=url) + extra for name, engine, url in rows)


def test_two_nodes_of_one_name_or_one_url() -> None:
    text = nodes(("a", "rtpproxy", "udp:[::1]:5"), ("b", "rtpproxy", "udp:[0::1]:5"), ("a", "rtpproxy", "udp:h:5"))
    assert problems(text) == [
        "8: nodes[1].url: found 'udp:[::1]:5', which stands in line 4 too, expected a url that no other node has",
        "10: nodes[2].name: found 'a', which stands in line 2 too, expected a name that no other node has",
    ]


def test_each_engine_has_its_own_kinds_of_url() -> None:
    text = nodes(
        ("a", "rtpengine", "unix:/run/a"),
        ("b", "mediaproxy", "udp:h:1"),
        ("c", "mediaproxy", "unix:/run/c"),
        ("d", "rtpproxy", "unix:/run/d"),
        ("e", "rtpproxy", "udp:h:2"),
    )
    assert problems(text) == [
        "4: nodes[0].url: found 'unix:/run/a', expected udp:HOST:PORT for engine rtpengine",
        "8: nodes[1].url: found 'udp:h:1', expected unix:/PATH for engine mediaproxy",
    ]


def test_a_mediaproxy_node() -> None:
    config = parse(nodes(("m", "mediaproxy", "unix:/run/mediaproxy/dispatcher.sock"), extra="timeout = 6\n"), FILE)
    node = NodeConfig(
        name=NodeName("m"),
        engine=EngineName.MEDIAPROXY,
        url=UnixAddress("/run/mediaproxy/dispatcher.sock"),
        timeout=6,
    )
    assert config.nodes == (node,)


def test_every_kind_whose_nodes_have_sockets_can_be_configured() -> None:
    assert set(EngineName) == {name for name, kind in KINDS.items() if kind.schemes & {"udp", "unix"}}


def test_a_set_in_which_no_node_can_be_chosen() -> None:
    text = nodes(("a", "rtpproxy", "udp:h:1"), ("b", "rtpproxy", "udp:h:2"), extra="weight = 0\n")
    assert problems(text) == [
        "5: nodes[0].weight: found 0, as in the whole set, expected some node of set 'default' with a weight above 0"
    ]


def test_the_set_of_the_door_has_to_have_nodes() -> None:
    text = nodes(("a", "rtpproxy", "udp:h:1")) + '[ng]\nset = "gold"'
    assert problems(text) == [
        "6: ng.set: found 'gold', a set without nodes, expected a set that [[nodes]] have: default"
    ]
    assert parse('[ng]\nset = "gold"', FILE).ng.set == "gold"
    assert parse(text + "\nlisten = []", FILE).ng.set == "gold"


def test_the_set_of_the_sip_door_counts_where_it_has_no_script(tmp_path: Path) -> None:
    (tmp_path / "route.py").write_text("")
    sets = nodes(("a", "rtpproxy", "udp:h:1"), extra='set = "gold"\n') + '[ng]\nset = "gold"\n'
    door = sets + '[sip]\nlisten = ["udp:127.0.0.1:5060"]\n'
    assert problems(door) == [
        "8: sip.set: found 'default', a set without nodes, expected a set that [[nodes]] have: gold"
    ]
    assert parse(door + 'script = "route.py"', tmp_path / "rtp-relay.toml").sip.set == "default"


def test_a_broken_node_may_be_in_the_set_of_the_door() -> None:
    text = nodes(("a", "rtpproxy", "udp:h:1"), extra="set = -3\n") + '[ng]\nset = "gold"'
    assert problems(text) == [
        "5: nodes[0].set: found -3, expected a set: a name of letters, digits and . _ -, or a number from 0 on"
    ]


def test_lists_name_each_wrong_and_each_repeated_item() -> None:
    text = """[ng]
listen = ["udp:127.0.0.1:1",
  "udp:127.0.0.1:1",
  "udp:localhost:1", 7]
allow = ["10.0.0.1/8", "::1/128", "::1"]
"""
    listen = "udp:ADDRESS:PORT, tcp:ADDRESS:PORT or http:ADDRESS:PORT (an IPv6 address in brackets)"
    networks = "an IP network such as 192.0.2.0/24 or 2001:db8::/32 (no host bits), or an IP address"
    assert problems(text) == [
        "3: ng.listen[1]: found 'udp:127.0.0.1:1' once more, expected each item once",
        f"4: ng.listen[2]: found 'udp:localhost:1', expected {listen}",
        f"4: ng.listen[3]: found 7, expected {listen}",
        f"5: ng.allow[0]: found '10.0.0.1/8', expected {networks}",
        "5: ng.allow[2]: found '::1/128' once more, expected each item once",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service = 1", "1: service: found 1, expected a table [service]"),
        ("[[ng]]", "1: ng: found a list, expected a table [ng]"),
        ("nodes = 3", "1: nodes: found 3, expected an array of tables, each beginning with [[nodes]]"),
        ("[nodes]", "1: nodes: found a table, expected an array of tables, each beginning with [[nodes]]"),
        ("nodes = [3]", "1: nodes[0]: found 3, expected a table [[nodes]]"),
    ],
)
def test_tables_in_the_wrong_shape(text: str, expected: str) -> None:
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("service", "name", "''"),
        ("service", "name", "'é'"),
        ("service", "state_dir", "''"),
        ("service", "max_resident", "0"),
        ("service", "max_resident", "true"),
        ("service", "max_resident", "1.0"),
        ("service", "passivate_after", "-1"),
        ("service", "passivate_after", "nan"),
        ("service", "passivate_after", "inf"),
        ("service", "passivate_after", "true"),
        ("service", "passivate_after", "'5 s'"),
        ("service", "passivate_after", "''"),
        ("service", "log_format", "'JSON'"),
        ("journal", "retention", "0"),
        ("journal", "retention", "1979-05-27"),
        ("journal", "retention_by", "5"),
        ("journal", "retention_by.failed", "0"),
        ("journal", "retention_by.unreadable", "5"),
        ("journal", "encryption_key_files", "'a'"),
        ("journal", "call_keys", "true"),
        ("journal", "call_keys", "'descriptions'"),
        ("ng", "reply_cache", "59"),
        ("ng", "listen", "['udp:127.0.0.1:65536']"),
        ("ng", "listen", "['udp:::1:5']"),
        ("ng", "listen", "['udp:1.2.3.400:5']"),
        ("ng", "listen", "['unix:/run/ng']"),
        ("ng", "allow", "['localhost']"),
        ("calls", "offer_timeout", "0"),
        ("embedded", "relays", "0"),
        ("embedded", "media_ports", "'36999-35000'"),
        ("embedded", "media_ports", "'0-5'"),
        ("embedded", "media_ports", "'1-65536'"),
        ("embedded", "media_ports", "35000"),
    ],
)
def test_values_that_are_not_taken(section: str, key: str, value: str) -> None:
    (problem,) = problems(f"[{section}]\n\n{key} = {value}\n")
    assert problem.startswith((f"3: {section}.{key}: found ", f"3: {section}.{key}[0]: found "))


PATHS_OF_SECTIONS = [
    (section, field.name)
    for section, cls in SECTIONS.items()
    for field in fields(cls)
    if "Path" in str(field.type) and "read" in field.metadata
]


@pytest.mark.parametrize(("section", "key"), PATHS_OF_SECTIONS)
def test_an_empty_path_is_not_the_folder_of_the_file(section: str, key: str) -> None:
    many = key == "encryption_key_files"
    (problem,) = problems(f"[{section}]\n{key} = {['']}" if many else f"[{section}]\n{key} = ''")
    assert problem == f"2: {section}.{key}{'[0]' if many else ''}: found '', expected a path"


def test_all_paths_are_known() -> None:
    assert {(section, key) for section, keys in PATHS.items() for key in keys} == {
        (section, key) for section, key in PATHS_OF_SECTIONS if key != "encryption_key_files"
    }


@pytest.mark.parametrize(
    "url", ["udp:h:0", "tcp:h:1", "udp:[h]:1", "udp:h", "unix:relative", "udp:a b:1", "udp:[::1:5", "udp:-h:1"]
)
def test_node_urls_that_are_not_taken(url: str) -> None:
    (problem,) = problems(nodes(("a", "rtpproxy", url)))
    assert problem.startswith(f"4: nodes[0].url: found '{url}', expected udp:HOST:PORT or unix:/PATH")


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:p%40ss@[::1]:6379/3?socket_timeout=2",
        "rediss://:secret@redis.example:6380/",
        "unix:///run/redis.sock?db=2",
        "unix://:secret@/run/redis.sock",
        "redis+sentinel://a:1,b:2/service",
        "redis+sentinel://user:secret@a:1/service?db=1",
        "redis+cluster://a:1",
        "redis+cluster://a:1,[::1]:2/",
    ],
)
def test_journal_urls(url: str) -> None:
    assert parse(f'[journal]\nurl = "{url}"', FILE).journal.url == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "localhost:6379",
            "a url that begins with one of redis://, rediss://, unix://, redis+sentinel://, redis+cluster://",
        ),
        ("http://a", "a url that begins with one of redis://, rediss://, unix://, redis+sentinel://, redis+cluster://"),
        ("redis://", "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"),
        ("redis://h/x", "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"),
        ("redis+sentinel://a:1", "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE-NAME"),
        ("redis+cluster://a", "redis+cluster://HOST:PORT,HOST:PORT"),
        ("unix://run/redis.sock", "unix://[[USER]:PASSWORD@]/PATH"),
    ],
)
def test_journal_urls_that_are_not_taken(url: str, expected: str) -> None:
    assert problems(f'[journal]\nurl = "{url}"') == [f"2: journal.url: found '{url}', expected {expected}"]


@pytest.mark.parametrize(
    "url", ["redis://u:hunter2@h:x", "http://u:hunter2@h", "redis://h/x?password=hunter2", "redis://u:a@hunter2@h"]
)
def test_no_message_shows_a_password(url: str) -> None:
    (problem,) = problems(f'[journal]\nurl = "{url}"')
    assert "hunter2" not in problem
    assert "***" in problem


def test_secrets_are_not_in_what_is_printed_of_a_configuration(tmp_path: Path) -> None:
    private(tmp_path / "a.key").write_text(KEY.hex())
    text = '[journal]\nurl = "redis://u:hunter2@h"\nencryption_key_files = ["a.key"]'
    config = parse(text, tmp_path / "rtp-relay.toml")
    assert config.journal.encryption_keys == (KEY,)
    assert "hunter2" not in repr(config)
    assert repr(KEY) not in repr(config)


def private(file: Path) -> Path:
    """Make a file that others can neither read nor write."""
    file.touch(mode=0o600)
    return file


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_key_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int, refused: bool) -> None:
    file = private(tmp_path / "a.key")
    file.write_text(KEY.hex())
    file.chmod(mode)
    text = '[journal]\nencryption_key_files = ["a.key"]'
    if not refused:
        assert parse(text, tmp_path / "rtp-relay.toml").journal.encryption_keys == (KEY,)
        return
    with pytest.raises(ConfigError) as caught:
        parse(text, tmp_path / "rtp-relay.toml")
    assert str(caught.value).endswith(
        f"found '{file}' with mode {mode:04o}, expected a file that others can neither read nor write (chmod o=)"
    )


def test_key_files_that_cannot_be_used(tmp_path: Path) -> None:
    private(tmp_path / "short.key").write_text("00" * 31)
    private(tmp_path / "text.key").write_bytes(b"hunter2 \xff")
    (tmp_path / "folder").mkdir()
    text = '[journal]\nencryption_key_files = [\n"none.key",\n"short.key",\n"text.key",\n"folder",\n"a\\u0000b",\n]'
    expected = "expected a file with one key of 32 bytes, as base64 or as 64 hex digits"
    assert problems(text, tmp_path / "c.toml") == [
        f"3: journal.encryption_key_files[0]: found '{tmp_path}/none.key' (No such file or directory), {expected}",
        f"4: journal.encryption_key_files[1]: found '{tmp_path}/short.key', which holds something else, {expected}",
        f"5: journal.encryption_key_files[2]: found '{tmp_path}/text.key', which holds something else, {expected}",
        f"6: journal.encryption_key_files[3]: found '{tmp_path}/folder' (Is a directory), {expected}",
        f"7: journal.encryption_key_files[4]: found '{tmp_path}/a\\x00b' (embedded null byte), {expected}",
    ]


def test_text_that_is_not_toml() -> None:
    assert problems("[service]\nname = \n") == ["2: found a syntax error (Invalid value), expected TOML"]
    (problem,) = problems("[service]\nname = 1\nname = 2\n")
    assert problem == "3: found a syntax error (Cannot overwrite a value), expected TOML"


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "[service]\nworkers = " + "9" * 5000])
def test_what_is_beyond_measure_is_a_fault_too(text: str) -> None:
    (problem,) = problems(text)
    assert "found a syntax error" in problem


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        load(tmp_path / "none.toml")
    assert str(missing.value) == f"{tmp_path}/none.toml: found No such file or directory, expected a TOML file in UTF-8"
    (tmp_path / "latin.toml").write_bytes(b"# one\n# \xe9\n")
    with pytest.raises(ConfigError) as latin:
        load(tmp_path / "latin.toml")
    assert str(latin.value) == f"{tmp_path}/latin.toml:2: found bytes that are not UTF-8, expected a TOML file in UTF-8"


def test_the_folder_that_systemd_made_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert Config().service.state_dir == Path("/var/lib/one")


@pytest.mark.parametrize(("user", "folder"), [(0, "/var/lib/rtp-relay"), (1000, "/home/u/.local/state/rtp-relay")])
def test_the_usual_folder_is_the_default_otherwise(monkeypatch: pytest.MonkeyPatch, user: int, folder: str) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert Config().service.state_dir == Path(folder)


def test_the_hosts_name_is_made_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "höst one.example")
    assert Config().service.name == "h-st-one.example"


SIP = """
[[nodes]]
name = "relay-1"
engine = "rtpengine"
url = "udp:192.0.2.1:2223"

[sip]
listen = ["udp:192.0.2.10:5060", "tls:[2001:db8::1]:5061"]
"""


def test_the_sip_door(tmp_path: Path) -> None:
    for file in ("route.py", "chain.pem", "key.pem"):
        (tmp_path / file).write_text("")
    text = (
        SIP
        + """
advertise = "[2001:DB8::2]"
aliases = ["sip.example.com", "192.0.2.11:5062"]
script = "route.py"
certificate = "chain.pem"
key = "key.pem"
next_hop = "sip:192.0.2.20;transport=tcp"
"""
    )
    sip = parse(text, tmp_path / "rtp-relay.toml").sip
    assert [str(address) for address in sip.listen] == ["udp:192.0.2.10:5060", "tls:[2001:db8::1]:5061"]
    assert sip.advertise == HostPort("2001:db8::2", 0)
    assert [str(alias) for alias in sip.aliases] == ["sip.example.com", "192.0.2.11:5062"]
    assert (sip.script, sip.certificate, sip.key) == tuple(tmp_path / f for f in ("route.py", "chain.pem", "key.pem"))
    assert str(sip.next_hop) == "sip:192.0.2.20;transport=tcp"


def test_what_is_wrong_with_a_sip_door_is_named(tmp_path: Path) -> None:
    script = tmp_path / "route.py"
    script.write_text("def route(:\n")
    text = (
        SIP
        + """
engine = "rtpproxy"
script = "route.py"
next_hop = "tel:+123"
ca = "nowhere.pem"
aliases = ["a b"]
"""
    )
    file = tmp_path / "rtp-relay.toml"
    assert problems(text, file) == [
        "8: sip.listen[1]: found 'tls:[2001:db8::1]:5061', expected certificate and key beside it, for TLS",
        "10: sip.engine: found 'rtpproxy', expected an engine that a node of set 'default' has",
        f"11: sip.script: found a syntax error in {script}:1 (invalid syntax), expected a Python file",
        "12: sip.next_hop: found 'tel:+123', expected a URI that begins with sip: or sips:",
        f"13: sip.ca: found '{tmp_path / 'nowhere.pem'}', expected a file that is there",
        "14: sip.aliases[0]: found 'a b', expected HOST or HOST:PORT (an IPv6 address in brackets)",
    ]


def test_a_folder_for_recordings_that_others_can_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o750)
    found = problems(f'[embedded]\nrecordings = "{folder}"')
    assert len(found) == 1
    assert found[0].startswith(f"2: embedded.recordings: found '{folder}', open to other users (mode 750), expected")
    folder.chmod(0o700)
    assert parse(f'[embedded]\nrecordings = "{folder}"', FILE).embedded.recordings == folder


def test_who_may_use_the_sip_door() -> None:
    keys = 'allow = ["192.0.2.0/24"]\nrelay_to = ["A.example", ".b.example", ".", "::/0"]\n'
    sip = parse("[sip]\n" + keys, Path("rtp-relay.toml")).sip
    assert sip.allow == (ipaddress.ip_network("192.0.2.0/24"),)
    assert sip.relay_to == ("a.example", ".b.example", ".", ipaddress.ip_network("::/0"))
    silent = parse("", Path("rtp-relay.toml")).sip
    assert (silent.allow, silent.relay_to) == (None, None)


def test_places_that_are_none_are_named() -> None:
    text = SIP.replace(', "tls:[2001:db8::1]:5061"', "") + 'relay_to = ["..", "192.0.2.1/24", "a b", "1.2.3", 7]\n'
    expected = "a domain such as example.org or .example.org, or an IP network or address"
    found = ["'..'", "'192.0.2.1/24'", "'a b'", "'1.2.3'", "7"]
    assert [line.split(": found ")[1] for line in problems(text)] == [f"{each}, expected {expected}" for each in found]


@pytest.mark.parametrize("timer_c", ["180", "179", '"3m"'])
def test_a_callee_may_ring_for_more_than_three_minutes(timer_c: str, tmp_path: Path) -> None:
    text = f'[sip]\nlisten = ["udp:127.0.0.1:5060"]\ntimer_c = {timer_c}\n'
    with pytest.raises(ConfigError, match=r"sip\.timer_c: .*more than 180 seconds.*RFC 3261 16\.6"):
        parse(text, tmp_path / "rtp-relay.toml")
    assert parse(text.replace(timer_c, "181"), tmp_path / "rtp-relay.toml").sip.timer_c == 181


def test_a_set_may_be_a_number() -> None:
    text = nodes(("a", "rtpproxy", "udp:h:1"), extra="set = 1\n") + "[ng]\nset = 1"
    config = parse(text, FILE)
    assert (config.nodes[0].set, config.ng.set, config.sip.set) == ("1", "1", "default")
    named = parse(text + '\n[sip]\nset = "1"\n[sets]\nnumbers = { 1 = "west" }', FILE)
    assert (named.nodes[0].set, named.ng.set, named.sip.set) == ("west", "west", "west")
    assert (named.sets.names.name(1), named.sets.names.number("west")) == ("west", 1)
    assert parse("[ng]\nset = 0", FILE) == Config()


def test_what_cannot_be_the_name_of_a_number() -> None:
    assert problems('[sets]\nnumbers = { 1 = "a b", x = "west", 2 = "3", 4 = "east" }') == [
        "2: sets.numbers.1: found 'a b', expected a set's name that is no number",
        "2: sets.numbers.2: found '3', expected a set's name that is no number",
        "2: sets.numbers.x: found the key 'x', expected a number from 0 on",
    ]
    assert problems("[sets]\nnumbers = 3") == [
        '2: sets.numbers: found 3, expected a table of sets by their numbers, such as { 1 = "west" }'
    ]


def test_what_becomes_of_the_calls_of_nodes_that_are_down() -> None:
    nodes = [
        f'[[nodes]]\nname = "{name}"\nengine = "rtpengine"\nurl = "udp:{name}:1"\nset = {name[1]}'
        for name in ("n0", "n2")
    ]
    text = "\n".join(
        [*nodes, "[sets]", 'on_node_down = { default = "migrate", 2 = { action = "end", wait = "1s", pace = 5 } }']
    )
    assert parse(text, FILE).sets.on_node_down == {
        "default": NodeDownPolicy(action=OnNodeDown.MIGRATE),
        "2": NodeDownPolicy(action=OnNodeDown.END, wait=1.0, pace=5.0),
    }
    assert parse("", FILE).sets.on_node_down == {}
    wrong = '[sets.on_node_down]\na = "move"\nb = { wait = 1 }\nc = { action = "end", wait = -1, pace = 0, x = 1 }'
    form = 'an action, or a table such as { action = "migrate", wait = "1s", pace = 200 }'
    duration = 'a duration of at least 0 seconds, as a number or as text such as "90s", "1h30m" or "7d"'
    assert problems(wrong) == [
        "2: sets.on_node_down.a: found 'move', expected one of leave, migrate, end",
        f"3: sets.on_node_down.b: found a table, expected {form}",
        "4: sets.on_node_down.c.pace: found 0, expected a number above 0",
        f"4: sets.on_node_down.c.wait: found -1, expected {duration}",
        f"4: sets.on_node_down.c.x: found an unknown key, expected {form}",
    ]
    assert problems("[sets]\non_node_down = 3") == [
        '2: sets.on_node_down: found 3, expected a table by set, such as { default = "migrate" }'
    ]
    assert problems(f'{nodes[0]}\n[sets.on_node_down]\nwest = "end"') == [
        "7: sets.on_node_down.west: found 'west', a set without nodes, expected a set that [[nodes]] have: default"
    ]


def test_who_is_asked_for_the_next_offer_of_a_call() -> None:
    config = parse('[ng]\nreinvite = { mi = "http://127.0.0.1:8888/mi", timeout = "2s" }', FILE)
    assert (config.ng.reinvite.mi, config.ng.reinvite.timeout) == ("http://127.0.0.1:8888/mi", 2.0)
    assert parse("", FILE).ng.reinvite.mi == ""
    assert problems('[ng]\nreinvite = { mi = "udp:127.0.0.1:8888", x = 1 }') == [
        "2: ng.reinvite.mi: found 'udp:127.0.0.1:8888', expected a URL such as http://127.0.0.1:8888/path",
        "2: ng.reinvite.x: found an unknown key, expected one of mi, timeout",
    ]
    assert problems("[ng]\nreinvite = 1") == ["2: ng.reinvite: found 1, expected a table with mi, timeout"]
