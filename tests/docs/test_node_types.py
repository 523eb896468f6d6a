"""docs/howto/seed.md and sentry.md: each command is run, in the order of the page."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from peerage.config import Config
from tests.chaos.started_node import StartedNode, make_home
from tests.docs.pages import CHECKOUT, Block, claim, reader, run
from tests.docs.test_readme import TRY_IT
from tests.docs.test_tutorial import has_block
from tests.interop.cometnode import free_port
from tests.interop.conftest import StartGoPeer, go_peer, go_version
from tests.interop.gobuild import DEFAULT_VERSION, build_cometbft
from tests.nodes import wait_until

__all__ = ["go_peer", "go_version"]

SEED, SENTRY = "docs/howto/seed.md", "docs/howto/sentry.md"
INSTALL, MAKE, START, ASK, CHAIN, LOOK, METRICS, PROMETHEUS, ASK_PROMETHEUS, SEE, UNIT = (
    claim(SEED, text)
    for text in (
        "pip install", "peerage init", "peerage start", "peerage ping", "cometbft testnet", "peerage events",
        ":26660/metrics", "prometheus --config.file", "api/v1/query", "peerage top", "peerage systemd",
    )
)  # fmt: skip
OWNER = claim(SENTRY, "peerage peers list")
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
# The page's home has CometBFT's ports, and no reactors: here the system picks the ports.
OF_THE_FILE: dict[str, Any] = dict.fromkeys(
    ("p2p__allow_duplicate_ip", "p2p__addr_book_strict", "network", "peer_hosts", "reactor")
) | {"p2p__external_address": ""}
PATIENCE_S = 20.0


def test_the_seeds_page_installs_as_the_readme_does() -> None:
    """Whose lines are run by its own test."""
    assert [command[:3] for command in INSTALL.commands[:-1]] == [c[:3] for c in TRY_IT.commands[:-1]]
    assert INSTALL.commands[-1] == ["peerage", "version"]


@contextmanager
def terminal(folder: Path, commands: str) -> Iterator[None]:
    """Another terminal, in which they go on until it is closed."""
    log = (folder / "terminal.log").open("wb")
    process = subprocess.Popen(["bash", "-ec", f"{commands}\nwait"], stdout=log, stderr=log, **reader(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


@pytest.mark.timeout(120)
def test_a_stranger_has_a_seed_by_the_page_alone(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """From its home to its unit; nodes that know it alone find each other meanwhile."""
    run(tmp_path, MAKE.text)
    home = tmp_path / "seed"
    assert START.commands == [["peerage", "start", "--home", "~/seed"]]
    with StartedNode(home, **OF_THE_FILE, instrumentation__prometheus_listen_addr="127.0.0.1:0") as seed:
        metrics = seed.http_address("metrics")

        def do(block: Block) -> str:
            text = block.text.replace("http://127.0.0.1:26660", metrics).replace(
                "http://127.0.0.1:26657", seed.rpc
            )
            return run(tmp_path, text.replace("127.0.0.1:26656", f"127.0.0.1:{seed.port}"))

        asked = do(ASK)
        assert f"address    {seed.address}" in asked
        assert "my-chain" in asked
        validators = [
            go_peer(pex=True, network="my-chain", seeds=[seed.address], ensure_peers_period_ms=500)
            for _ in range(2)
        ]
        one, other = (each.id for each in validators)
        wait_until(lambda: other in validators[0].peers(), PATIENCE_S, "the validators have met")
        known = wait_until(
            lambda: (text := do(LOOK)) and one in text and text, PATIENCE_S, "the seed knows them"
        )
        assert one in known
        assert "p2p_pex_requests_total" in do(METRICS)
        seen = do(SEE)
        assert "<html" in seen
        assert "addrbook" in seen
        assert seed.stop()[0] == 0
    unit = UNIT.text if shutil.which("systemd-analyze") else UNIT.text.splitlines()[0]
    run(tmp_path, unit)
    assert f"--home {home}" in (tmp_path / "my-chain-seed.service").read_text()


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_four_validators_of_the_page_meet_and_prometheus_reads_it(tmp_path: Path) -> None:
    """`python -m tests.docs.operator` does all of the page at once, with the page's own ports."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cometbft").symlink_to(build_cometbft(DEFAULT_VERSION))
    run(tmp_path, MAKE.text)
    with StartedNode(
        tmp_path / "seed", **OF_THE_FILE, instrumentation__prometheus_listen_addr="127.0.0.1:0"
    ) as seed:
        metrics = seed.http_address("metrics").removeprefix("http://")
        own, rpc = ([str(free_port()) for _ in range(4)] for _ in range(2))
        chain = (
            CHAIN.text.replace("26656", str(seed.port))
            .replace("2700$i", "${P[i]}")
            .replace("2710$i", "${R[i]}")
        )
        chain = f"PATH={tmp_path}/bin:$PATH P=({' '.join(own)}) R=({' '.join(rpc)})\n{chain}"
        with terminal(tmp_path, chain):
            status = (
                f"for port in {' '.join(rpc)}; do curl -sf http://127.0.0.1:$port/status; echo; done || true"
            )
            wait_until(
                lambda: all(map(has_block, run(tmp_path, status).split("\n")[:-1])), 60.0, "blocks everywhere"
            )
        assert "4 addresses" in run(tmp_path, LOOK.text)
        if shutil.which("prometheus") is None:
            return  # it is not ours: the checks install it where they can
        port = str(free_port())
        with terminal(tmp_path, PROMETHEUS.text.replace("127.0.0.1:26660", metrics).replace("9095", port)):
            ask = ASK_PROMETHEUS.text.strip().replace("9095", port)
            told = wait_until(
                lambda: (text := run(tmp_path, f"{ask} || true")) and "answered" in text and text,
                60.0,
                "Prometheus has read the seed",
            )
            (answered,) = json.loads(told)["data"]["result"]
            assert answered["metric"]["job"] == "seed"


def test_the_owner_of_a_sentry_sees_what_the_page_says(tmp_path: Path) -> None:
    """Over the socket in its home."""
    home = tmp_path / ".peerage"
    make_home(home)
    with StartedNode(home, peer_hosts="1") as node:
        assert f"address    {node.address}" in run(tmp_path, OWNER.text)


def test_the_settings_of_the_recipes_are_cometbfts() -> None:
    """And have its meaning: peerage knows each by the same name."""
    named = set(ROW.findall((CHECKOUT / SENTRY).read_text()))
    assert {
        "pex",
        "persistent_peers",
        "private_peer_ids",
        "unconditional_peer_ids",
        "addr_book_strict",
    } <= named
    assert [name for name in named if not hasattr(Config().p2p, name)] == []
