"""peerage blocks from its start to its end, with nodes of ours that have CometBFT's recorded blocks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest

from peerage import Node, Peer, Reactor
from peerage.actors.runtime import System
from peerage.messages import BLOCKSYNC, types
from peerage.testing import loopback_config, wait_until
from tests.face.blocks.made_chain import copy_of
from tests.face.blocks.recorded import VERSIONS, recorded
from tests.face.blocks.serving import BlockServer
from tests.face.command_line import run
from tests.face.commands.test_validators_rpc import rpc

pytestmark = pytest.mark.timeout(120)

CHAIN = recorded(VERSIONS[1])
CHANGED_AT = max(CHAIN.sets)
TIP = len(CHAIN.shown)  # which nothing proves


def server(stack: ExitStack, home: Path, blocks: Sequence[types.Block], name: str) -> Node:
    """A node that gives these blocks."""
    config = loopback_config(home / name, network=CHAIN.chain_id, log_level="error")
    encoded = tuple(block.SerializeToString() for block in blocks)
    return stack.enter_context(Node(config, reactors={"BLOCKSYNC": (BlockServer, encoded)}, name=f"{name}/"))


def validators(height: int, **_: int) -> Any:
    """What `/validators` said."""
    recordings = Path(__file__).parents[2] / "vectors" / "blocks.json"
    chains = json.loads(recordings.read_text())["chains"]
    (listed,) = (chain["validators"][str(height)] for chain in chains if chain["version"] == VERSIONS[1])
    return {"result": {"validators": listed, "total": str(len(listed))}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("servers")
    (made / "genesis.json").write_text(json.dumps(CHAIN.genesis))
    return made


@pytest.fixture(scope="module")
def peers(home: Path) -> Iterator[tuple[Node, Node]]:
    """One that has the chain, and one with an altered transaction in each block but the first."""
    wrong = [copy_of(block) for block in CHAIN.blocks]
    for block in wrong[1:]:
        block.data.txs.append(b"mine")
    with ExitStack() as stack:
        yield server(stack, home, CHAIN.blocks, "true"), server(stack, home, wrong, "liar")


def blocks(home: Path, output: Path | str, *options: object) -> tuple[int, dict[str, Any], str]:
    """Returns: exit code, summary, standard error."""
    result = run(
        "blocks", "--genesis", home / "genesis.json", "--output", output, "--json", "--workers", 1, *options
    )
    summary: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, summary, result.stderr


def test_it_stops_at_new_validators_and_goes_on_with_rpc(
    peers: tuple[Node, Node], home: Path, tmp_path: Path
) -> None:
    """Each line is what CometBFT's RPC said; the second run checks what the first has written. A node that names wrong
    validators is told, and costs nothing.
    """
    file = tmp_path / "blocks.jsonl"
    common = ("--peers", peers[0].address, "--to", TIP - 1)
    code, summary, said = blocks(home, file, *common)
    assert (code, summary["written"], summary["to"]) == (1, CHANGED_AT - 1, CHANGED_AT - 1)
    assert f"the validators change at block {CHANGED_AT}: give --rpc URL" in said
    with rpc(lambda **_: validators(1)) as url:
        code, summary, said = blocks(home, file, *common, "--rpc", url)
        assert (code, summary["written"], f"{url} gave a set of 4" in said) == (1, 0, True)
    with rpc(validators) as url:
        code, summary, said = blocks(home, file, *common, "--rpc", url)
    assert (code, said) == (0, "")
    assert (summary["written"], summary["checked_in_file"]) == (TIP - CHANGED_AT, CHANGED_AT - 1)
    assert [json.loads(line) for line in file.read_text().splitlines()] == CHAIN.shown[:-1]
    assert summary["last"] == {"height": TIP - 1, "hash": CHAIN.shown[-2]["block_id"]["hash"]}


def test_a_liar_is_named_and_the_other_gives_its_blocks(
    peers: tuple[Node, Node], home: Path, tmp_path: Path
) -> None:
    """Also with a folder for output, and a part of the chain."""
    true, liar = peers
    folder = f"{tmp_path / 'blocks'}{os.sep}"
    addresses = f"{true.address},{liar.address}"
    last = CHANGED_AT - 1
    code, summary, said = blocks(
        home, folder, "--peers", addresses, "--from", 2, "--to", last, "--per-peer", 1
    )
    assert (code, summary["written"]) == (0, last - 1)
    assert [(drop["peer"], drop["lied"]) for drop in summary["dropped"]] == [(liar.node_id, True)]
    assert f"peer {liar.node_id} let go: block " in said
    for height in range(2, last + 1):
        found = (tmp_path / "blocks" / f"{height:012d}.pb").read_bytes()
        assert found == CHAIN.blocks[height - 1].SerializeToString()
    code, summary, said = blocks(home, tmp_path / "alone.pb", "--peers", liar.address, "--timeout", "1s")
    assert (code, summary["written"]) == (1, 0)
    assert f"no peer gives block 1 ({liar.node_id}: block 2: its data_hash is" in said


def test_the_reason_is_said_when_nothing_comes(peers: tuple[Node, Node], home: Path, tmp_path: Path) -> None:
    """Nobody there; or the chain is not so long yet."""
    nobody = f"{'0' * 39}2@127.0.0.1:1"
    code, summary, said = blocks(home, tmp_path / "a.pb", "--peers", nobody, "--timeout", "1s")
    assert (code, summary["written"], f"no peer gives block 1 ({'0' * 39}2: " in said) == (1, 0, True)
    trusted = f"{CHANGED_AT - 3}:{CHAIN.shown[CHANGED_AT - 4]['block_id']['hash']}"
    other = f"3:{'00' * 32}"
    options = (
        "--trusted",
        other,
        "--rpc",
        "http://127.0.0.1:1",
        "--peers",
        peers[0].address,
        "--timeout",
        "1s",
    )
    code, _, said = blocks(home, tmp_path / "c.pb", *options)
    assert (code, said.endswith("; if they all are right, --trusted is of another chain\n")) == (1, True)
    listed = {"validators": [], "total": "0"}
    with rpc({"result": listed}) as url:
        code, _, said = blocks(
            home, tmp_path / "b.pb", "--trusted", trusted, "--rpc", url, "--peers", peers[0].address
        )
    assert (code, f"the validators of block {CHANGED_AT - 3}: {url} says 0 validators" in said) == (1, True)


class Full(Reactor):
    """Has no place for anybody, as CometBFT's nodes say it: behind the handshake."""

    channels: ClassVar = (BLOCKSYNC,)

    def add_peer(self, peer: Peer) -> None:
        peer.stop("full")


def test_a_node_that_hangs_up_is_named(home: Path, tmp_path: Path) -> None:
    """It shook hands, so that nothing was wrong with the dial."""
    config = loopback_config(home / "full", network=CHAIN.chain_id, log_level="error")
    with Node(config, reactors={"BLOCKSYNC": Full}, name="full/") as full:
        code, _, said = blocks(home, tmp_path / "a.pb", "--peers", full.address, "--timeout", "1s")
    assert (code, f"no peer gives block 1 ({full.node_id}: it ends the connection" in said) == (1, True)


def test_a_file_that_was_changed_is_told_and_left(
    peers: tuple[Node, Node], home: Path, tmp_path: Path
) -> None:
    """Nothing is written behind a wrong block."""
    file = tmp_path / "blocks.jsonl"
    lines = [json.dumps(each) for each in CHAIN.shown[:4]]
    wrong = json.loads(lines[2])
    wrong["block"]["data"]["txs"] = ["bWluZQ=="]
    lines[2] = json.dumps(wrong)
    file.write_text("".join(f"{line}\n" for line in lines))
    before = file.read_bytes()
    code, summary, said = blocks(home, file, "--peers", peers[0].address)
    assert (code, summary["written"], file.read_bytes()) == (1, 0, before)
    assert "block 3: its data_hash is" in said
    assert str(file) in said


def test_a_file_with_more_than_was_asked_for_is_checked_as_far_as_that(
    peers: tuple[Node, Node], home: Path, tmp_path: Path
) -> None:
    """One of another chain would pass for this one's."""
    file, lines = tmp_path / "blocks.jsonl", [json.dumps(each) for each in CHAIN.shown[:4]]
    file.write_text("".join(f"{line}\n" for line in lines))
    code, summary, said = blocks(home, file, "--peers", peers[0].address, "--to", 2)
    assert (code, summary["written"], summary["checked_in_file"], said) == (0, 0, 2, "")
    wrong = json.loads(lines[1])
    wrong["block"]["data"]["txs"] = ["bWluZQ=="]
    file.write_text(file.read_text().replace(lines[1], json.dumps(wrong)))
    code, _, said = blocks(home, file, "--peers", peers[0].address, "--to", 2)
    assert (code, "block 2: its data_hash is" in said) == (1, True)


def test_a_reactor_that_is_killed_is_told_where_it_was(
    peers: tuple[Node, Node], home: Path, tmp_path: Path
) -> None:
    """Its successor goes on with the block after the last that was written: none is missing, and none is there twice."""
    killed: list[int] = []

    def answer(height: int, **_: int) -> Any:
        if not killed:
            for host in System.current().hosts():
                if host.name.endswith("reactor-BLOCKSYNC") and not host.name.startswith(("true/", "liar/")):
                    killed.append(host.pid)
                    os.kill(host.pid, signal.SIGKILL)
        return validators(height)

    file = tmp_path / "blocks.jsonl"
    with rpc(answer) as url:
        code, summary, said = blocks(home, file, "--peers", peers[0].address, "--to", TIP - 1, "--rpc", url)
    assert (code, len(killed), summary["written"]) == (0, 1, TIP - 1), said
    assert [json.loads(line) for line in file.read_text().splitlines()] == CHAIN.shown[:-1]


def test_ctrl_c_ends_it_cleanly(peers: tuple[Node, Node], home: Path, tmp_path: Path) -> None:
    """While it waits for a block that the chain has not yet: exit code 130, and what is written is whole."""
    file = tmp_path / "blocks.jsonl"
    with rpc(validators) as url:
        options = (
            "--peers",
            peers[0].address,
            "--to",
            TIP + 50,
            "--timeout",
            "100s",
            "--rpc",
            url,
            "--workers",
            1,
        )
        command = (sys.executable, "-m", "peerage", "blocks", "--genesis", home / "genesis.json", "--json")
        process = subprocess.Popen(
            [*map(str, (*command, "--output", file, *options))], stdout=subprocess.PIPE, text=True
        )
        try:
            wait_until(lambda: file.exists() and file.read_text().count("\n") == TIP - 1, 60.0)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert json.loads(out)["written"] == TIP - 1
    assert [json.loads(line) for line in file.read_text().splitlines()] == CHAIN.shown[:-1]
