"""A wheel and an sdist, as they are elsewhere: no name of theirs but one, and the program runs."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from replay.snapshots import SCHEMA
from rtp_relay import __version__
from tests.packages.built import PARTS, Installation, build, clean, copy_sources, run
from tests.peers.ng_client import NgClient
from tests.rtp_relay.serving import ControlNode

pytestmark = pytest.mark.sources  # what is built is the same in both runs

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
PURE = {"RTP_RELAY_PURE": "1"}

pytestmark = pytest.mark.sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", sources, tmp_path_factory.mktemp("wheel"), **PURE)


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return one where somebody else has packages by the names of our parts."""
    there = Installation(tmp_path_factory.mktemp("installed"), wheel)
    for part in PARTS:
        there.site.joinpath(part).mkdir()
        there.site.joinpath(part, "__init__.py").write_text("WHOSE = 'theirs'\n")
    return there


def files_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def files_of(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_wheel_has_one_name_and_all_that_is_in_the_folders(sources: Path, wheel: Path) -> None:
    names = {name for name in files_of(wheel) if ".dist-info/" not in name}
    there = {f"rtp_relay/{file.relative_to(sources)}" for part in PARTS for file in files_below(sources / part)}
    there |= {str(file.relative_to(sources)) for file in files_below(sources / "rtp_relay")}
    assert names == there
    assert files_of(wheel)[f"rtp_relay-{__version__}.dist-info/top_level.txt"] == b"rtp_relay\n"


def test_an_sdist_makes_the_same_wheel(sources: Path, wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", sources, tmp_path)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    [unpacked] = [folder for folder in tmp_path.iterdir() if folder.is_dir()]
    again = build("wheel", unpacked, tmp_path, **PURE)
    assert files_of(again) == files_of(wheel)


def test_the_program_runs_outside_the_checkout(installation: Installation) -> None:
    said = run([installation.program, "--version"], cwd=installation.folder)
    assert said == f"rtp-relay {__version__} (pure Python: not compiled)\n"
    where = installation.answer("import rtp_relay; print(rtp_relay.__file__)")
    assert Path(where).is_relative_to(installation.site)
    assert installation.site.joinpath("rtp_relay/py.typed").exists()


def test_names_of_others_are_theirs(installation: Installation) -> None:
    loads_all = "import rtp_relay; [getattr(rtp_relay, name) for name in rtp_relay.__all__]"
    theirs = "; ".join(f"import {part}; assert {part}.WHOSE == 'theirs'" for part in PARTS)
    assert installation.answer(f"{loads_all}; {theirs}; print('theirs')") == "theirs"
    assert installation.answer(f"{theirs}; {loads_all}; print('theirs')") == "theirs"


def test_each_module_can_be_imported(installation: Installation) -> None:
    program = (
        "import pkgutil, rtp_relay, sys; from importlib import import_module\n"
        "for found in pkgutil.walk_packages(rtp_relay.__path__, 'rtp_relay.'):\n"
        "    if not found.name.endswith('__main__'): import_module(found.name)\n"
        f"print([part for part in {PARTS} if part in sys.modules])"
    )
    assert installation.answer(program) == "[]"


def test_a_snapshot_of_the_checkout_is_one_of_the_installation(installation: Installation) -> None:
    assert installation.answer("from rtp_relay.replay.snapshots import SCHEMA; print(SCHEMA)") == SCHEMA


class Installed(ControlNode):
    """A control node as the installed program runs it, with its own Redis and relay."""

    def __init__(self, installation: Installation) -> None:
        super().__init__()
        self._installation = installation

    def command(self) -> list[str]:
        return [str(self._installation.program), "serve", "-c", str(self.file)]

    def environment(self) -> dict[str, str]:
        return clean()


async def test_a_call_is_served_and_can_be_read(installation: Installation) -> None:
    async with Installed(installation) as node:
        async with NgClient(node.address) as client:
            offered = await client.command("offer", call_id="c1", from_tag="a", sdp=SDP)
            assert offered[b"result"] == b"ok"
            assert "c=IN IP4 127.0.0.1" in str(offered[b"sdp"])
        told = run([installation.program, "history", "c1", "--json", "-c", node.file], cwd=node.folder)
    assert [row["event"] for row in json.loads(told)["events"]] == ["engaged", "offered"]


def test_completion_can_be_installed(installation: Installation, tmp_path: Path) -> None:
    bash = f"export HOME={tmp_path} PATH={installation.program.parent}:$PATH; "
    run(["bash", "-c", f"{bash} rtp-relay --install-completion; true"], cwd=tmp_path)
    pressed = (
        "source ~/.bashrc; COMP_WORDS=(rtp-relay hist) COMP_CWORD=1; "
        '$(complete -p rtp-relay | grep -o "[_a-z]*completion") rtp-relay; echo "${COMPREPLY[@]}"'
    )
    assert run(["bash", "-c", bash + pressed], cwd=tmp_path) == "history\n"
