"""What docs/deploy holds: it fits the program, and asks for no more rights than a node needs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml

from peerage.commands.cli import main
from peerage.config import Config

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
POD = MANIFESTS[0]["spec"]["template"]["spec"]
CONTAINERS: list[dict[str, Any]] = [*POD["initContainers"], *POD["containers"]]
P2P_PORT, METRICS_PORT = 26656, 26660


def instructions() -> list[tuple[str, str]]:
    """Of the Containerfile: each with what follows it."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    words = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(first, rest) for first, rest in words]


def takes(arguments: list[str]) -> None:
    """The program knows this command with these options. Raises: click.UsageError."""
    group = click.Context(main, **main.context_settings)
    command = main.get_command(group, arguments[0])
    assert command is not None
    command.make_context(arguments[0], arguments[1:], group)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each["name"])
def test_the_pods_commands_are_the_programs(container: dict[str, Any]) -> None:
    """With options that it knows."""
    takes([str(argument) for argument in container["args"]])


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda each: each["name"])
def test_the_pod_asks_for_no_rights(container: dict[str, Any]) -> None:
    """No root, no capabilities, nothing to write to but its volumes."""
    assert POD["securityContext"]["runAsNonRoot"] is True
    confined = container["securityContext"]
    assert confined["readOnlyRootFilesystem"] is True
    assert confined["allowPrivilegeEscalation"] is False
    assert confined["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}


def test_the_ports_are_those_that_a_node_listens_at() -> None:
    """The defaults of the configuration."""
    ports = {port["name"]: port["containerPort"] for port in POD["containers"][0]["ports"]}
    assert (ports["p2p"], ports["metrics"]) == (P2P_PORT, METRICS_PORT)
    defaults = Config()
    assert defaults.p2p.laddr.endswith(f":{P2P_PORT}")
    assert defaults.instrumentation.prometheus_listen_addr.endswith(f":{METRICS_PORT}")
    service = MANIFESTS[1]["spec"]
    assert service["externalTrafficPolicy"] == "Local"  # limits and bans go by the address of who dials


def test_the_image_runs_the_node_itself_and_not_as_root() -> None:
    """In exec form, so that signals reach it."""
    found = dict(instructions())
    assert found["USER"] == f"{POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}"
    entrypoint = cast("list[str]", yaml.safe_load(found["ENTRYPOINT"]))
    assert entrypoint == ["peerage"]
    takes(cast("list[str]", yaml.safe_load(found["CMD"])))
    ports = {int(port) for port in shlex.split(found["EXPOSE"])}
    assert ports == {P2P_PORT, METRICS_PORT}
