"""The examples for compose and Kubernetes: what they name is there, and what they ask for can be done."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from rtp_relay import __version__
from rtp_relay.cli.app import app
from rtp_relay.config import load

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "examples/compose"
KUBERNETES = ROOT / "examples/kubernetes"
MANIFESTS = [
    document for file in sorted(KUBERNETES.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())
]
COMPOSED = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
CONTROL_NODES = {name: service for name, service in COMPOSED["services"].items() if name != "redis"}


def of_kind(kind: str) -> list[Any]:
    return [document for document in MANIFESTS if document["kind"] == kind]


def containers(image: str) -> list[Any]:
    pods = [document["spec"]["template"]["spec"] for kind in ("Deployment", "DaemonSet") for document in of_kind(kind)]
    return [each for pod in pods for each in pod["containers"] if f"/{image}:" in each["image"]]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


COMMANDS = sorted(
    {
        command
        for text in texts(MANIFESTS)
        for command in re.findall(r"(?:^|until |\|\| *\n? *)(rtp-relay .*?)(?= \|\||$)", text, flags=re.MULTILINE)
    }
)


def parse(words: list[str]) -> None:
    """Have the command line read the words; it raises a usage error if they are none of its commands."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("rtp-relay", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def test_commands_are_found() -> None:
    assert {" ".join(command.split()[1:3]) for command in COMMANDS} >= {"node add", 'drain "$NODE"', "node remove"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one(command: str) -> None:
    parse(shlex.split(command)[1:])


def test_the_configurations_can_be_used(tmp_path: Path) -> None:
    for name, service in CONTROL_NODES.items():
        assert load(COMPOSE / f"{name}.toml").service.name == name
        assert f"./{name}.toml:/etc/rtp-relay/rtp-relay.toml:ro" in service["volumes"]
    [config] = of_kind("ConfigMap")
    (tmp_path / "rtp-relay.toml").write_text(config["data"]["rtp-relay.toml"])
    assert load(tmp_path / "rtp-relay.toml").nodes


def test_probes_ask_where_the_service_answers(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(of_kind("ConfigMap")[0]["data"]["rtp-relay.toml"])
    [port] = {address.port for address in load(tmp_path / "c.toml").http.addresses}
    [deployed] = [each for each in containers("rtp-relay") if "livenessProbe" in each]
    ports = {each["name"]: each["containerPort"] for each in deployed["ports"]}
    asked = {probe: deployed[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {ports[get["port"]] for get in asked.values()} == {port}
    assert [get["path"] for get in asked.values()] == ["/healthz", "/healthz", "/readyz"]


def test_health_of_each_composed_control_node_is_asked_of_itself() -> None:
    for name, service in CONTROL_NODES.items():
        [address] = load(COMPOSE / f"{name}.toml").http.addresses
        check = service.get("healthcheck", {}).get("test", ["http://127.0.0.1:9223/healthz"])
        assert f":{address.port}/healthz" in check[-1]


def test_nothing_of_ours_is_root_or_writes_where_it_need_not() -> None:
    for each in containers("rtp-relay"):
        context = each["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
    for document in of_kind("Deployment"):
        assert document["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    for service in CONTROL_NODES.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_images_have_versions_and_ours_is_this_one() -> None:
    images = [text for text in texts([MANIFESTS, COMPOSED]) if re.match(r"^(\S+/)?[a-z-]+:\d[\w.-]*$", text)]
    ours = {image for image in images if "rtp-relay" in image}
    assert {image.rpartition(":")[2] for image in ours} == {__version__}
    assert not any(image.endswith(":latest") for image in images)


def test_what_is_under_way_is_finished_before_the_end() -> None:
    [deployment] = of_kind("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    pause = float(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > pause + load(None).service.shutdown_grace
    [relays] = of_kind("DaemonSet")
    pod = relays["spec"]["template"]["spec"]
    [drain] = [command for command in COMMANDS if " drain " in command]
    deadline = re.search(r"--deadline (\d+)m", drain)
    assert deadline is not None
    assert pod["terminationGracePeriodSeconds"] > 60 * int(deadline[1])
    # rtpengine ends when the container beside it says that the node is empty.
    ends = [each["lifecycle"]["preStop"]["exec"]["command"][-1] for each in pod["containers"]]
    assert all("/drain/done" in command for command in ends)
