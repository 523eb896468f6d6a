"""docs/howto/watch.md: its blocks are run as a reader would, beside a real CometBFT node."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.docs.pages import claim, reader, run
from tests.interop.conftest import StartCometNode, comet_node, go_version, pytest_runtestloop

__all__ = ["comet_node", "go_version", "pytest_runtestloop"]

PAGE = "docs/howto/watch.md"
COMMANDS = claim(PAGE, "peerage watch --network my-chain")
PROGRAM = claim(PAGE, "from peerage.watching import")
NETWORK = "my-chain"
TRANSACTION = b"watched=by a program"
PATIENCE_S = 120.0


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_commands_and_the_program_of_the_page_see_a_network(
    tmp_path: Path, comet_node: StartCometNode
) -> None:
    """The commands dial a node; the program is dialled by it, and prints the transaction that goes in there."""
    program = tmp_path / "watching.py"
    program.write_text(PROGRAM.text)
    with subprocess.Popen(
        [sys.executable, "-u", program.name], stdout=subprocess.PIPE, **reader(tmp_path)
    ) as process:
        killer = threading.Timer(PATIENCE_S, process.kill)
        killer.start()
        try:
            assert process.stdout is not None
            node = comet_node(network=NETWORK, persistent_peers=[process.stdout.readline().strip()])
            commands = re.sub("ID@host:26656,ID@host:26656", f"{node.address} --for 4s", COMMANDS.text)
            commands = commands.replace("7d", "1s").replace("ID@seed.example.org:26656", node.address)
            printed = run(tmp_path, commands)
            node.rpc("broadcast_tx_sync", tx=base64.b64encode(TRANSACTION).decode())
            wanted = hashlib.sha256(TRANSACTION).hexdigest().upper()
            assert any(line.startswith(f"{wanted} {len(TRANSACTION)} {node.id} 1") for line in process.stdout)
        finally:
            killer.cancel()
            process.terminate()
    assert re.search(r" height \d+/0, decided after ", printed)
    for line in (tmp_path / "seen.jsonl").read_text().splitlines():
        json.loads(line)
