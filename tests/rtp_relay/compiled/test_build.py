"""What is built is used as long as it is what was built; otherwise the sources are, and it is said why.

A build takes seconds: one is made for all tests here, each of which has a copy of it.
"""

from __future__ import annotations

import os
import shutil
import sys
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.rtp_relay.compiled.project import HOT, LANGUAGE, Project

pytestmark = pytest.mark.sources  # what is built is the same in both runs

BUILDS = shutil.which(os.environ.get("CC", "cc")) is not None and find_spec("mypyc") is not None
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="modules in C are for Linux")
needs_a_compiler = pytest.mark.skipif(not BUILDS, reason="no C compiler")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("built"))
    assert "without compiled modules" not in project.build()
    return project.folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Project:
    project = Project(tmp_path)
    shutil.copytree(built / "rtp_relay/compiled", project.built, dirs_exist_ok=True)
    return project


def extension(project: Project, name: str) -> Path:
    [file] = project.built.glob(f"*{name}.*.so")
    return file


@needs_a_compiler
def test_what_was_built_is_used(project: Project) -> None:
    assert project.use() == ["compiled", "10 so"]


@needs_a_compiler
def test_values_are_compiled_with_their_init_and_are_as_in_the_sources(project: Project) -> None:
    program = """\
from rtp_relay.compiled import code_in_use
code_in_use()
import copy
from dataclasses import replace
from hot.module import Numbers
one = Numbers([7, 8], limit=9)
print(type(Numbers.__init__).__name__)
print(one, replace(one, limit=3).limited(), copy.copy(one) == one != Numbers([7, 8]), Numbers.__match_args__)
try:
    Numbers()
except TypeError:
    print("refused")
"""
    said = ["Numbers(all=[7, 8], limit=9) 3 True ('all', 'limit')", "refused"]
    assert project.use(program) == ["wrapper_descriptor", *said]
    assert project.use(program, RTP_RELAY_PURE="1") == ["function", *said]


@needs_a_compiler
def test_frozen_values_are_unknown_to_the_collector_and_are_freed_however_deep_they_are(project: Project) -> None:
    program = """\
from rtp_relay.compiled import code_in_use
code_in_use()
import gc
from hot.module import Numbers
print(gc.is_tracked(Numbers([])))
nested = []
for _ in range(1000):
    nested = [Numbers(nested)]
del nested
print("freed")
"""
    assert project.use(program, PYTHONMALLOC="debug") == ["False", "freed"]
    assert project.use(program, RTP_RELAY_PURE="1") == ["True", "freed"]


@needs_a_compiler
def test_the_sources_can_be_asked_for(project: Project) -> None:
    assert project.use(RTP_RELAY_PURE="1") == ["pure Python: RTP_RELAY_PURE is set", "10 py"]
    assert project.use(RTP_RELAY_PURE="0") == ["compiled", "10 so"]


@needs_a_compiler
def test_a_source_that_has_changed_is_not_hidden(project: Project) -> None:
    project.hot.write_text(HOT.replace("min", "max"))
    assert project.use() == ["pure Python: hot/module.py has changed since modules were compiled", "15 py"]
    project.hot.write_text(HOT)
    assert project.use() == ["compiled", "10 so"]


@needs_a_compiler
def test_neither_is_one_that_a_compiled_module_has_a_constant_of(project: Project) -> None:
    project.limits.write_text(project.limits.read_text().replace("10", "12"))
    assert project.use() == ["pure Python: hot/limits.py has changed since modules were compiled", "12 py"]


@needs_a_compiler
@needs_linux
def test_what_is_there_in_c_is_used_with_what_is_compiled(project: Project) -> None:
    program = LANGUAGE.format("")
    assert project.use(program) == ["compiled", "C"]
    assert project.use(program, RTP_RELAY_PURE="1") == ["pure Python: RTP_RELAY_PURE is set", "Python"]


@needs_a_compiler
@needs_linux
@pytest.mark.parametrize("name", ["written.c", "written.py"])
def test_neither_is_one_in_c_or_what_it_stands_for(project: Project, name: str) -> None:
    file = project.hot.with_name(name)
    file.write_text(file.read_text() + "\n")
    why = f"pure Python: hot/{name} has changed since modules were compiled"
    assert project.use(LANGUAGE.format("")) == [why, "Python"]
    assert project.use() == [why, "10 py"]


@needs_a_compiler
@needs_linux
def test_one_in_c_that_cannot_be_compiled_leaves_the_sources(project: Project) -> None:
    project.in_c.write_text("no C")
    assert "rtp-relay: built without compiled modules: " in project.build()
    assert project.use() == ["pure Python: not compiled", "10 py"]


@needs_a_compiler
def test_a_source_or_an_extension_that_is_missing_leaves_the_sources(project: Project) -> None:
    extension(project, "hot.module").unlink()
    [why, used] = project.use()
    assert why.startswith("pure Python: hot.module.")
    assert why.endswith(".so is missing")
    assert used == "10 py"


@needs_a_compiler
@pytest.mark.parametrize("name", ["hot.module", "__mypyc"])
def test_a_damaged_extension_is_not_used(project: Project, name: str) -> None:
    file = extension(project, name)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    [why, used] = project.use()
    assert why == f"pure Python: rtp_relay/compiled/{file.name} has changed since modules were compiled"
    assert used == "10 py"


@needs_a_compiler
@pytest.mark.parametrize(
    "manifest", ["", "[]", "{}", '{"modules": {"hot.module": "x"}, "digests": {}}', '{"modules": 1, "digests": []}']
)
def test_a_damaged_manifest_leaves_the_sources(project: Project, manifest: str) -> None:
    [file] = project.built.glob("*.json")
    file.write_text(manifest)
    assert project.use() == ["pure Python: the manifest is damaged", "10 py"]


@needs_a_compiler
def test_a_library_that_this_machine_cannot_load_leaves_the_sources(project: Project) -> None:
    library = extension(project, "__mypyc")
    digest = blake2b(library.read_bytes(), digest_size=16).hexdigest()
    [manifest] = project.built.glob("*.json")
    library.write_bytes(b"of another machine")
    other = blake2b(library.read_bytes(), digest_size=16).hexdigest()
    manifest.write_text(manifest.read_text().replace(digest, other))
    [why, used] = project.use()
    assert why.startswith("pure Python: ")
    assert library.name in why
    assert used == "10 py"


@needs_a_compiler
def test_all_modules_are_compiled_or_none(project: Project) -> None:
    program = "import hot.module\nfrom rtp_relay.compiled import code_in_use\nprint(code_in_use())"
    assert project.use(program) == ["pure Python: hot.module was imported before rtp_relay"]


@needs_a_compiler
def test_a_build_that_fails_leaves_the_sources_and_nothing_of_the_last_one(project: Project) -> None:
    said = project.build(CC="cc -include nothing.h")
    assert said.count("rtp-relay: built without compiled modules: ") <= 1
    assert list(project.built.glob("*.so")) == list(project.built.glob("*.json")) == []
    assert project.use() == ["pure Python: not compiled", "10 py"]


@needs_a_compiler
def test_a_source_that_cannot_be_compiled_leaves_the_sources(project: Project) -> None:
    project.hot.write_text(HOT + "\n\nbroken: int = 'text'\n")
    assert "rtp-relay: built without compiled modules: " in project.build()
    assert project.use() == ["pure Python: not compiled", "10 py"]


@pytest.mark.parametrize("environment", [{"CC": "false"}, {"CC": "no-such-compiler"}, {"RTP_RELAY_PURE": "1"}])
def test_without_a_compiler_there_are_the_sources(tmp_path: Path, environment: dict[str, str]) -> None:
    project = Project(tmp_path)
    project.build(**environment)
    assert project.use() == ["pure Python: not compiled", "10 py"]


@needs_a_compiler
def test_a_wheel_has_what_is_compiled_of_the_sources_that_it_has(tmp_path: Path) -> None:
    wheel = Project(tmp_path).wheel()
    here = "from rtp_relay.compiled import code_in_use; print(code_in_use()); from rtp_relay.hot import module; "
    program = f"{here}print(module.limited([7, 8]), module.__file__.rpartition('.')[2])"
    assert wheel.use(program) == ["compiled", "10 so"]
    if sys.platform == "linux":
        assert wheel.use(LANGUAGE.format("rtp_relay.")) == ["compiled", "C"]
    changed = wheel.folder / "rtp_relay/hot/module.py"
    changed.write_text(changed.read_text().replace("min", "max"))
    why = "pure Python: rtp_relay/hot/module.py has changed since modules were compiled"
    assert wheel.use(program) == [why, "15 py"]
