"""A chain that real CometBFT validators make, with transactions, and what its RPC says of its blocks.

python -m tests.interop.blocks.chain_of_validators    writes tests/vectors/blocks.json anew: some blocks of each version
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.interop.cometnode import CometNode, CometNodeError, set_key

VECTORS = Path(__file__).parents[2] / "vectors" / "blocks.json"
VERSIONS = ("v0.34.35", "v0.38.26", "v1.0.1")
NETWORK = "blocks-test"
START_TIMEOUT_S = 60.0
POLL_S = 0.05
LARGE = b"large=" + b"y" * 70_000  # more than one part of a block


class ChainOfValidators:
    """Validators of equal power, each connected with each. A context manager.

    Args:
        parent: an empty directory.
        version: of all of them.
        count: how many.
        block_s: seconds from one block to the next, about.
        extensions_from: height from which votes have extensions (since v0.38); 0 for never.
    """

    def __init__(
        self, parent: Path, version: str, count: int = 4, block_s: float = 0.2, extensions_from: int = 0
    ) -> None:
        self.version = version
        app = "persistent_kvstore" if version.startswith("v0.34") else "kvstore"
        keys: dict[tuple[str, str], object] = {
            ("", "proxy_app"): app,
            ("consensus", "timeout_commit"): f"{round(block_s * 1000)}ms",
            ("consensus", "timeout_propose"): "1s",
        }
        self.nodes = [
            CometNode(
                parent / f"validator{number}",
                version=version,
                network=NETWORK,
                moniker=f"v{number}",
                keys=keys,
            )
            for number in range(count)
        ]
        genesis = self.genesis
        genesis["validators"] = [
            {"address": key["address"], "pub_key": key["pub_key"], "power": "10", "name": ""}
            for key in map(self.key_of, range(count))
        ]
        if extensions_from:
            params = "feature" if version.startswith("v1") else "abci"
            genesis["consensus_params"][params]["vote_extensions_enable_height"] = str(extensions_from)
        for node in self.nodes:
            (node.home / "config" / "genesis.json").write_text(json.dumps(genesis))
            config = node.home / "config" / "config.toml"
            others = ",".join(other.address for other in self.nodes if other is not node)
            config.write_text(set_key(config.read_text(), "p2p", "persistent_peers", others))

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(lambda node: node.start(START_TIMEOUT_S), self.nodes))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(CometNode.stop, self.nodes))

    @property
    def genesis(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.genesis_file.read_text())
        return found

    @property
    def genesis_file(self) -> Path:
        return self.nodes[0].home / "config" / "genesis.json"

    @property
    def rpc_url(self) -> str:
        return f"http://127.0.0.1:{self.nodes[0].rpc_port}"

    def key_of(self, number: int) -> dict[str, Any]:
        """A validator's own key."""
        file = self.nodes[number].home / "config" / "priv_validator_key.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def wait_for_height(self, height: int, timeout: float = 60.0) -> None:
        """Wait until the first one has so many blocks. Raises: CometNodeError."""
        self.nodes[0].wait_for_height(height, timeout)

    def commit(self, tx: bytes) -> int:
        """Have a transaction committed. Returns: in which block. Raises: CometNodeError."""
        height, text = self.nodes[0].height(), base64.b64encode(tx).decode()
        self.send(tx)
        for next_height in range(height + 1, height + 50):
            self.wait_for_height(next_height)
            if text in (self.block(next_height)["block"]["data"]["txs"] or ()):
                return next_height
        raise CometNodeError(f"no block has {tx[:20]!r}", self.nodes[0].log_tail())

    def send(self, tx: bytes) -> None:
        """Hand a transaction in."""
        self.nodes[0].rpc("broadcast_tx_sync", tx=base64.b64encode(tx).decode())

    def set_power(self, number: int, power: int) -> int:
        """Change a validator's power. Returns: in which block; it counts two later."""
        public = self.key_of(number)["pub_key"]["value"]
        change = (
            f"val:{public}!{power}" if self.version.startswith("v0.34") else f"val=ed25519!{public}!{power}"
        )
        return self.commit(change.encode())

    def block(self, height: int) -> dict[str, Any]:
        """What `/block` says."""
        found: dict[str, Any] = self.nodes[0].rpc("block", height=str(height))
        return found

    def blocks(self, first: int, last: int) -> list[dict[str, Any]]:
        return [self.block(height) for height in range(first, last + 1)]

    def validators(self, height: int) -> list[dict[str, Any]]:
        """What `/validators` says."""
        found: list[dict[str, Any]] = self.nodes[0].rpc("validators", height=str(height))["validators"]
        return found


def record(version: str, parent: Path) -> dict[str, Any]:
    """A dozen blocks: empty, with a few transactions, of several parts, with an absent vote, with changed validators."""
    extensions = 0 if version.startswith("v0.34") else 3
    with ChainOfValidators(parent, version, extensions_from=extensions) as chain:
        chain.wait_for_height(2)
        for number in range(5):
            chain.send(b"key%d=value" % number)
        chain.commit(b"many=" + b"x" * 1000)
        changed = chain.set_power(3, 7)
        chain.wait_for_height(changed + 3)
        chain.nodes[3].stop()
        alone = chain.nodes[0].height()
        deadline = time.monotonic() + 60.0
        while chain.nodes[0].height() < alone + 3:
            if time.monotonic() > deadline:
                raise CometNodeError(f"no block {alone + 3}", chain.nodes[0].log_tail())
            time.sleep(POLL_S)
        last = chain.nodes[0].height()
        if version == VERSIONS[-1]:
            last = chain.commit(LARGE) + 1
            chain.wait_for_height(last)
        return {
            "version": version,
            "genesis": {key: chain.genesis[key] for key in ("chain_id", "initial_height", "validators")},
            "validators": {str(height): chain.validators(height) for height in (1, changed + 2)},
            "blocks": chain.blocks(1, last),
        }


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="blocks-vectors-") as home:
        found = [record(version, Path(home) / version) for version in VERSIONS]
    text = json.dumps({"chains": found}, separators=(",", ":")).replace(
        base64.b64encode(LARGE).decode(), "LARGE"
    )
    VECTORS.write_text(text + "\n")
    for chain in found:
        print(chain["version"], len(chain["blocks"]), "blocks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
