"""Client libraries as commands: each reads a URL and prints one JSON object for each question it asked."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import rust_handshakes
from tests.interop.gobuild import VERSIONS, build_client, cache_directory

__all__ = ["READERS", "Reader", "ReaderMissingError", "cosmjs", "go", "rust"]

READ_TIMEOUT_S = 60.0
INSTALL_TIMEOUT_S = 300.0
# The last of each line that changed how it reads: the first class for 0.34, those for 0.37, 0.38 and 1.0, and the newest.
COSMJS = ("0.28.13", "0.30.1", "0.32.4", "0.33.1", "0.36.2", "0.39.0")
RUST = ("tendermint-rpc-0.40", "tendermint-rpc-0.41", "cometbft-rpc-0.1")


class ReaderMissingError(Exception):
    """The library cannot be had here: a tool is missing, or the registry did not answer."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A client library. Args: name, for the table; command, all but the URL."""

    name: str
    command: Sequence[str]

    def read(self, url: str) -> Sequence[Mapping[str, Any]]:
        """What it read, question by question."""
        done = subprocess.run(
            [*self.command, url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=READ_TIMEOUT_S,
            check=False,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode:
            answers.append({"method": "run", "error": done.stderr.strip()[-500:]})
        return answers


def cosmjs(version: str) -> Reader:
    """@cosmjs/tendermint-rpc from npm. Raises: ReaderMissingError."""
    directory = cache_directory() / f"cosmjs-{version}"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ReaderMissingError("no 'node' and 'npm' commands found")
    if not (directory / "node_modules").exists():
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "package.json").write_text("{}\n")
        package = f"@cosmjs/tendermint-rpc@{version}"
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        try:
            subprocess.run(
                [npm, "install", "--prefix", directory, *quiet, package],
                stdin=subprocess.DEVNULL,
                timeout=INSTALL_TIMEOUT_S,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise ReaderMissingError(f"{package}: {error}") from error
    script = Path(__file__).parent / "cosmjs.cjs"
    return Reader(f"cosmjs {version}", (node, str(script), str(directory)))


def rust(name: str) -> Reader:
    """One of crates.io's clients. Raises: ReaderMissingError."""
    try:
        program = rust_handshakes.build("clients")
    except (FileNotFoundError, subprocess.SubprocessError) as error:
        raise ReaderMissingError(f"{name}: {error}") from error
    return Reader(name, (str(program), name))


def go(version: str) -> Reader:
    """CometBFT's own client. Raises: GoMissingError, GoBuildError."""
    return Reader(f"Go {version}", (str(build_client(version)),))


READERS = {
    **{f"go-{version}": (go, version) for version in VERSIONS},
    **{name: (rust, name) for name in RUST},
    **{f"cosmjs-{version}": (cosmjs, version) for version in COSMJS},
}
"""By the name that `--only` takes: who makes it, and of what version."""
