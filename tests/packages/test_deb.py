"""The Debian package: what is in it, and what Debian's own tools say of it.

It is built without the packages that rtp-relay needs, so that nothing is downloaded; `script/deb` takes them along.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtp_relay import __version__
from rtp_relay.config import load
from tests.packages.built import ROOT, build, clean, copy_sources

UNIT = ROOT / "examples/systemd/rtp-relay.service"
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no Debian")]

SCRIPTS = ("postinst", "prerm", "postrm")
EXPOSURE = 1.3
"""What `systemd-analyze security` may say at most; docs/packages.md names it."""


def out(*command: str | Path, **environment: str) -> str:
    ran = subprocess.run(command, env=clean() | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    sources = copy_sources(folder / "sources")
    shutil.copytree(ROOT / "script", sources / "script")
    wheel = build("wheel", sources, folder, RTP_RELAY_PURE="1")
    out(
        *(sources / "script/deb", "--into", folder, "--wheel", wheel, "--no-deps", "--no-index"),
        PYTHON=sys.executable,
        PATH=f"{os.environ['PATH']}:/usr/sbin",
    )
    [file] = folder.glob("*.deb")
    return file


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    out("dpkg-deb", "--extract", package, folder)
    return folder


def test_it_has_the_program_where_it_looks_for_it(package: Path, unpacked: Path) -> None:
    listed = out("dpkg-deb", "--contents", package)
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    assert out("dpkg-deb", "--field", package, "Version").startswith(__version__)
    program = (unpacked / "usr/bin/rtp-relay").read_text()
    assert "/usr/lib/rtp-relay/bin/python3" in program
    home = unpacked / "usr/lib/rtp-relay"
    assert (home / "bin/python3").readlink() == Path("../../../bin/python3")
    [site] = home.glob("lib/python3.*/site-packages")
    assert (site / "rtp_relay/events/redis/append.lua").exists()
    assert list(unpacked.rglob("__pycache__")) == []


def test_its_configuration_can_be_used_and_is_kept(package: Path, unpacked: Path) -> None:
    config = "etc/rtp-relay/rtp-relay.toml"
    load(unpacked / config)
    assert out("dpkg-deb", "--info", package, "conffiles") == f"/{config}\n"
    text = (unpacked / config).read_text()
    with_all = re.sub(r"^# (?=[a-z_]+ = |\[\[)", "", text, flags=re.MULTILINE)
    assert with_all != text
    (unpacked / "all.toml").write_text(with_all)
    assert load(unpacked / "all.toml").nodes


def test_man_page_and_completion_are_there(unpacked: Path) -> None:
    assert "controller of RTP relays" in out("zcat", unpacked / "usr/share/man/man1/rtp-relay.1.gz")
    for shell in (
        "bash-completion/completions/rtp-relay",
        "zsh/vendor-completions/_rtp-relay",
        "fish/vendor_completions.d/rtp-relay.fish",
    ):
        assert "_RTP_RELAY_COMPLETE" in (unpacked / "usr/share" / shell).read_text()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_of_its_life_are_scripts(package: Path, script: str, tmp_path: Path) -> None:
    (tmp_path / script).write_text(out("dpkg-deb", "--info", package, script))
    out("sh", "-n", tmp_path / script)


def test_lintian_finds_no_error(package: Path) -> None:
    if shutil.which("lintian") is not None:
        out("lintian", "--allow-root", "--fail-on", "error", package)


def test_systemd_takes_the_unit(unpacked: Path) -> None:
    unit = unpacked / "usr/lib/systemd/system/rtp-relay.service"
    assert "/opt" not in unit.read_text()
    if shutil.which("systemd-analyze") is not None:
        said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False).stderr
        complaints = [line for line in said.splitlines() if "rtp-relay.service" in line]
        assert [line for line in complaints if "/usr/bin/rtp-relay is not executable" not in line] == []


def test_it_is_exposed_to_no_more_than_the_documents_say() -> None:
    assert f"`systemd-analyze security` says {EXPOSURE}" in (ROOT / "docs/packages.md").read_text()
    if shutil.which("systemd-analyze") is not None:
        said = out("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        found = re.search(r"exposure level for rtp-relay.service: ([\d.]+)", said)
        assert found is not None
        assert float(found[1]) <= EXPOSURE
