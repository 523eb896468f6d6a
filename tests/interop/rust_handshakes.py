"""Rust's secret connections against ours, both ways: `python -m tests.interop.rust_handshakes`.

`tendermint-p2p` 0.40 and 0.41, `cometbft-p2p` and `tmkms-p2p` of crates.io each dial a node of ours, are dialled by one and
by `peerage ping`. Each must prove its ID, read our NodeInfo, be our peer, and answer a ping. The program in rust/ is built
at first (a minute), into PEERAGE_TEST_CACHE, else the user's cache. Needs `cargo`. The exit code is 1 if something failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.interop.gobuild import cache_directory
from tests.interop.versions.ours import OurNode
from tests.interop.versions.stage import NETWORK, NotSeenError, Stage
from tests.interop.versions.strangers import ping

SOURCE = Path(__file__).parent / "rust"
IMPLEMENTATIONS = ("tendermint-p2p-0.40", "tendermint-p2p-0.41", "cometbft-p2p-0.3", "tmkms-p2p-0.6")
BUILD_TIMEOUT_S = 1200.0
PATIENCE_S = 15.0


def build(name: str = "handshakes") -> Path:
    """A Rust program, built if it is not there yet. Raises: FileNotFoundError (no cargo), CalledProcessError."""
    sources = sorted([SOURCE / "Cargo.toml", SOURCE / "Cargo.lock", *SOURCE.glob("src/**/*.rs")])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    target = cache_directory() / f"rust-{name}-{digest}"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix="rust-build-") as directory:
            subprocess.run(
                ["cargo", "build", "--quiet", "--locked", "--bin", name, "--target-dir", directory],
                cwd=SOURCE,
                stdin=subprocess.DEVNULL,
                timeout=BUILD_TIMEOUT_S,
                check=True,
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(f"{target}.{os.getpid()}")
            shutil.copy2(Path(directory) / "debug" / name, partial)
            partial.replace(target)
    return target


class RustPeer:
    """The program at work. A context manager: the process does not outlive it."""

    def __init__(self, program: Path, implementation: str, what: str, address: str) -> None:
        command = [str(program), implementation, what, address, NETWORK]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._said: dict[str, str] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def said(self, word: str) -> str | None:
        """What stood behind this word when it was said last; None if it never was.

        Raises: NotSeenError with the program's own words, if it has failed.
        """
        if word not in self._said and self._process.poll():
            assert self._process.stderr is not None
            raise NotSeenError(f"the Rust side failed before {word}: {self._process.stderr.read().strip()}")
        return self._said.get(word)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            self._said[word] = rest


def they_dial(stage: Stage, program: Path, implementation: str) -> None:
    """The Rust side dials a node of ours."""
    ours = stage.ours("ours")
    with RustPeer(program, implementation, "dial", ours.address.partition("@")[2]) as peer:
        _meet(stage, ours, peer)


def we_dial(stage: Stage, program: Path, implementation: str) -> None:
    """A node of ours dials the Rust side."""
    with _listening(stage, program, implementation) as (peer, address):
        _meet(stage, stage.ours("ours", p2p__persistent_peers=address), peer)


def we_ping(stage: Stage, program: Path, implementation: str) -> None:
    """`peerage ping` dials the Rust side, which answers the ping."""
    with _listening(stage, program, implementation) as (peer, address):
        code, said = ping(address)
        stage.expect(code == 0, f"ping: {said}")
        stage.expect(peer.said("pinged") is not None, "the ping was answered")


ENCOUNTERS: Mapping[str, Callable[[Stage, Path, str], None]] = {
    "they-dial": they_dial,
    "we-dial": we_dial,
    "we-ping": we_ping,
}


@contextmanager
def _listening(stage: Stage, program: Path, implementation: str) -> Iterator[tuple[RustPeer, str]]:
    with RustPeer(program, implementation, "listen", "127.0.0.1:0") as peer:
        stage.until(lambda: peer.said("listening"), PATIENCE_S, "the Rust side listens")
        yield peer, str(peer.said("listening"))


def _meet(stage: Stage, ours: OurNode, peer: RustPeer) -> None:
    seconds = stage.until(lambda: peer.said("authenticated"), PATIENCE_S, "the Rust side has proved our ID")
    stage.expect(peer.said("authenticated") == ours.node_id, "our ID is proved")
    stage.until(lambda: peer.said("node-info"), PATIENCE_S, "the Rust side has our NodeInfo")
    stage.note(f"after {seconds:.1f} s it reads our NodeInfo: {peer.said('node-info')}")
    stage.expect(str(peer.said("node-info")).startswith(f"{ours.node_id} {NETWORK} "), "NodeInfo is ours")
    stage.until(_peers(ours), PATIENCE_S, "the Rust side is our peer")
    (found,) = _peers(ours)()
    stage.note(f"our peer: {found}")


def _peers(ours: OurNode) -> Callable[[], list[str]]:
    def monikers() -> list[str]:
        info = ours.call("net_info")
        return [peer["node_info"]["moniker"] for peer in info["peers"]] if info else []

    return monikers


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(
        prog="python -m tests.interop.rust_handshakes",
        description="Rust's secret connections against ours, both ways.",
    )
    made.add_argument("--only", action="append", choices=IMPLEMENTATIONS, help="may be repeated")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, play, print. Returns: the exit code."""
    options = parser().parse_args(arguments)
    try:
        program = build()
    except (FileNotFoundError, subprocess.SubprocessError) as error:
        print(f"the Rust program was not built: {error}", file=sys.stderr)
        return 1
    failed = 0
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rust-")))
        for implementation in options.only or IMPLEMENTATIONS:
            for name, encounter in ENCOUNTERS.items():
                with Stage(implementation, home / implementation / name, threading.Event()) as stage:
                    try:
                        encounter(stage, program, implementation)
                    except (NotSeenError, AssertionError, OSError) as error:
                        stage.faults.append(str(error))
                failed += bool(stage.faults)
                mark = f"FAILS: {'; '.join(stage.faults)}; seen" if stage.faults else "holds"
                print(f"{implementation} {name} {mark}: {'; '.join(stage.seen)}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
