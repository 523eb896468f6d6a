"""docs/howto/blocks.md: its commands fetch a chain that CometBFT has made, from a node of ours."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from peerage import Node
from peerage.testing import loopback_config
from tests.docs.pages import claim, run_program
from tests.face.blocks.recorded import VERSIONS, recorded
from tests.face.blocks.serving import BlockServer
from tests.face.command_line import run as run_in_process
from tests.face.commands.test_blocks_run import validators
from tests.face.commands.test_validators_rpc import rpc

PAGE = "docs/howto/blocks.md"
FIRST = claim(PAGE, "--to 4 --output blocks.jsonl")
WITH_RPC = claim(PAGE, "--genesis genesis.json --peers ID@node.example.org:26656 --rpc")
TRUSTED = claim(PAGE, "--trusted 3:HASH")
READ = claim(PAGE, "from peerage.blocks import")

CHAIN = recorded(VERSIONS[1])


@pytest.mark.timeout(120)
def test_the_commands_of_the_page_fetch_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first four blocks, then all that are proved, then some from a trusted one on; and the program reads them."""
    monkeypatch.chdir(tmp_path)
    Path("genesis.json").write_text(json.dumps(CHAIN.genesis))
    encoded = tuple(block.SerializeToString() for block in CHAIN.blocks)
    config = loopback_config(tmp_path / "node", network=CHAIN.chain_id, log_level="error")

    def answer(height: int, **_: int) -> Any:
        changed = max(CHAIN.sets)
        return validators(changed if height >= changed else 1)

    with (
        Node(config, reactors={"BLOCKSYNC": (BlockServer, encoded)}, name="page/") as node,
        rpc(answer) as url,
    ):
        given = {
            "ID@node.example.org:26656": node.address,
            "http://node.example.org:26657": url,
            "my-chain": CHAIN.chain_id,
            "3:HASH": f"3:{CHAIN.shown[2]['block_id']['hash']}",
        }
        for number, block in enumerate((FIRST, WITH_RPC, TRUSTED)):
            command = block.text
            for word, value in given.items():
                command = command.replace(word, value)
            result = run_in_process(*shlex.split(command)[1:])
            assert result.exit_code == 0, result.output
            if not number:
                assert Path("blocks.jsonl").read_text().count("\n") == 4
    assert [json.loads(line) for line in Path("blocks.jsonl").read_text().splitlines()] == CHAIN.shown[:-1]
    names = [file.name for file in sorted(Path("blocks").iterdir())]
    assert names == [f"{height:012d}.pb" for height in range(3, len(CHAIN.shown))]
    printed = run_program(tmp_path, "read.py", READ).splitlines()
    assert printed == [
        f"{height} {len(block.data.txs)} transactions" for height, block in enumerate(CHAIN.blocks[:-1], 1)
    ]
