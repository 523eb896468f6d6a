"""peerage blocks beside what a network of real CometBFT validators has committed, by its RPC; and one liar among them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from peerage import Node
from peerage.blocks.block_json import block_of_json
from peerage.messages import types
from peerage.testing import loopback_config
from tests.chaos.links import Link
from tests.face.blocks.made_chain import seal
from tests.face.blocks.serving import BlockServer
from tests.interop.blocks.chain_of_validators import NETWORK, ChainOfValidators
from tests.waiting import wait_until

ASKED_TIMEOUT_S = 60.0

pytestmark = pytest.mark.timeout(600)  # with time to build the real node


def altered_tx(block: types.Block) -> None:
    block.data.txs.append(b"mine")


def altered_and_sealed(block: types.Block) -> None:
    altered_tx(block)
    seal(block)


def forged(block: types.Block) -> None:
    if not block.last_commit.signatures:  # the first block has none to forge
        altered_tx(block)
        return
    for vote in block.last_commit.signatures:
        vote.signature = bytes(64)
    seal(block)


LIES: dict[str, Callable[[types.Block], None]] = {
    "its data_hash is": altered_tx,
    "but the validators have signed": altered_and_sealed,
    "its commit has 0 of 40 voting power": forged,
}


def asked_file(home: Path, name: str) -> Path:
    """It is there once the liar of this name was asked for a block."""
    return home / f"{name}.asked"


def liar(
    stack: ExitStack, home: Path, name: str, blocks: list[types.Block], lie: Callable[[types.Block], None]
) -> Node:
    """A node of ours that has the network's blocks, all of them altered."""
    lying = [types.Block.FromString(block.SerializeToString()) for block in blocks]
    for block in lying:
        lie(block)
    config = loopback_config(home / name, network=NETWORK, log_level="error")
    server = (BlockServer, tuple(block.SerializeToString() for block in lying), 1, asked_file(home, name))
    return stack.enter_context(Node(config, reactors={"BLOCKSYNC": server}, name=f"{name}/"))


def fetch(
    chain: ChainOfValidators, output: Path, *options: object
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """Run the command. Returns: its summary, and how it ended."""
    command = [
        sys.executable,
        "-m",
        "peerage",
        "blocks",
        "--genesis",
        chain.genesis_file,
        "--output",
        output,
        "--json",
    ]
    done = subprocess.run(
        [*map(str, (*command, "--workers", 2, *options))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary, done


def fetch_liar_first(
    chain: ChainOfValidators, home: Path, name: str, node: Node, to: int
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """The honest are silent until the liar was asked: they could bring all before it is there."""
    with ExitStack() as held, ThreadPoolExecutor(1) as meanwhile:
        links = [held.enter_context(Link(("127.0.0.1", each.port))) for each in chain.nodes[1:]]
        for link in links:
            link.silence()

        def let_in() -> None:
            try:
                wait_until(asked_file(home, name).exists, ASKED_TIMEOUT_S)
            finally:
                for link in links:
                    link.mend()

        let = meanwhile.submit(let_in)
        honest = [f"{each.id}@{link.address}" for each, link in zip(chain.nodes[1:], links, strict=True)]
        peers = ",".join([node.address, *honest])
        met = fetch(chain, home / f"{node.node_id}.jsonl", "--peers", peers, "--to", to, "--per-peer", 1)
        let.result()
    return met


@pytest.mark.usefixtures("comet_node")  # builds it
def test_blocks_are_those_of_the_network_and_each_liar_is_named(tmp_path: Path, go_version: str) -> None:
    """With transactions, votes with extensions where the version has them, and validators that change. Of the network's
    blocks none is missing and none invented: each line is what RPC says. One liar among four, three times, each with another
    lie, is named with it; the blocks come from the others.
    """
    extensions = 2 if go_version.startswith(("v0.38", "v1")) else 0
    with ChainOfValidators(tmp_path / "chain", go_version, extensions_from=extensions) as chain:
        chain.wait_for_height(1)
        for number in range(5):
            chain.send(b"key%d=value" % number)
        changed = chain.set_power(3, 7) + 2
        chain.wait_for_height(changed + 4)
        truth = chain.blocks(1, changed + 3)
        assert sum(len(each["block"]["data"]["txs"]) for each in truth) == 6
        real = [node.address for node in chain.nodes]
        file = tmp_path / "blocks.jsonl"

        def lines() -> list[Any]:
            return [json.loads(line) for line in file.read_text().splitlines()]

        summary, done = fetch(chain, file, "--peers", ",".join(real))
        assert (done.returncode, summary["written"]) == (1, changed - 1)
        assert f"the validators change at block {changed}: give --rpc URL" in done.stderr
        assert lines() == truth[: changed - 1]
        summary, done = fetch(
            chain, file, "--peers", ",".join(real), "--rpc", chain.rpc_url, "--to", changed + 3
        )
        assert (done.returncode, done.stderr, summary["dropped"]) == (0, "", [])
        assert (summary["checked_in_file"], summary["written"]) == (changed - 1, 4)
        assert lines() == truth

        blocks = [block_of_json(each) for each in truth]
        with ExitStack() as stack, ThreadPoolExecutor(len(LIES)) as pool:
            names = {reason: f"liar{number}" for number, reason in enumerate(LIES)}
            nodes = {
                reason: liar(stack, tmp_path, names[reason], blocks, lie) for reason, lie in LIES.items()
            }

            def meet(reason: str) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
                return fetch_liar_first(chain, tmp_path, names[reason], nodes[reason], changed - 1)

            for reason, (summary, done) in zip(LIES, pool.map(meet, LIES), strict=True):
                who = nodes[reason].node_id
                assert done.returncode == 0, done.stderr
                assert [(drop["peer"], drop["lied"]) for drop in summary["dropped"]] == [(who, True)]
                said = summary["dropped"][0]["reason"]
                assert reason in said or said.startswith("block 1: its data_hash is")
                found = (tmp_path / f"{who}.jsonl").read_text().splitlines()
                assert [json.loads(line) for line in found] == truth[: changed - 1]
