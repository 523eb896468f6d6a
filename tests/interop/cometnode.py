"""The real CometBFT node with its kvstore application, on loopback ports that the system picks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.interop.gobuild import DEFAULT_VERSION, build_cometbft

START_TIMEOUT_S = 30.0
POLL_S = 0.05


class CometNodeError(Exception):
    """The node ended, answered with an error or did not come in time; carries the end of its log."""

    def __init__(self, what: str, log: str) -> None:
        super().__init__(what, log)
        self.what, self.log = what, log

    def __str__(self) -> str:
        return f"{self.what}; its log ends:\n{self.log}"


def set_key(text: str, section: str, key: str, value: object) -> str:
    """CometBFT's config.toml with one key of one section ("" for the top) set to another value.

    Raises: KeyError if the file has no such key.
    """
    # TOML's basic strings, booleans, numbers and arrays of them are written as JSON writes them.
    here = ""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if header := re.fullmatch(r"\[([\w.]+)\]", line.strip()):
            here = header[1]
        elif here == section and re.match(rf"{re.escape(key)}\s*=", line):
            lines[i] = f"{key} = {json.dumps(value)}"
            return "\n".join(lines) + "\n"
    raise KeyError(section, key)


def set_key_in_either_spelling(text: str, section: str, key: str, value: object) -> str:
    """As `set_key`, with the hyphens that v0.35 alone has in its keys. Raises: KeyError."""
    try:
        return set_key(text, section, key, value)
    except KeyError:
        return set_key(text, section, key.replace("_", "-"), value)


@dataclass(frozen=True, slots=True)
class Commands:
    """What a line calls its commands."""

    init: tuple[str, ...] = ("init",)
    start: str = "start"
    show_node_id: str = "show-node-id"

    @classmethod
    def of(cls, version: str) -> Commands:
        """Those of this version."""
        match version.split(".")[:2]:
            case ["v0", "33"]:
                return cls(start="node", show_node_id="show_node_id")
            case ["v0", "35"]:
                return cls(init=("init", "validator"))
        return cls()


def free_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class CometNode:
    """`cometbft start --proxy_app=kvstore` in a home of its own: a single validator that makes a block a second.

    Ports stay the same over `kill` and `start`, as the home does. Use it as a context manager; the process
    never outlives it (nor this interpreter).

    Args: home, an empty or missing directory; network, the chain ID; p2p, further keys of the [p2p] section;
        keys, of any section, instead of what stands there; genesis, of another node whose chain it joins.
    Raises: CometNodeError (start), GoBuildError, KeyError for a key that this version does not have.
    """

    def __init__(
        self,
        home: Path,
        *,
        version: str = DEFAULT_VERSION,
        network: str = "test",
        moniker: str = "comet",
        persistent_peers: Sequence[str] = (),
        p2p: Mapping[str, object] | None = None,
        keys: Mapping[tuple[str, str], object] | None = None,
        genesis: CometNode | None = None,
        log_level: str = "info",
    ) -> None:
        self.home = home
        self._program = build_cometbft(version)
        self._process: subprocess.Popen[bytes] | None = None
        self._commands = Commands.of(version)
        self._run(*self._commands.init)
        self.port, self.rpc_port = free_port(), free_port()
        settings: dict[tuple[str, str], object] = {
            ("", "moniker"): moniker,
            ("", "proxy_app"): "kvstore",
            ("", "log_level"): log_level,
            ("rpc", "laddr"): f"tcp://127.0.0.1:{self.rpc_port}",
            ("p2p", "laddr"): f"tcp://127.0.0.1:{self.port}",
            ("p2p", "addr_book_strict"): False,
            ("p2p", "allow_duplicate_ip"): True,
            ("p2p", "persistent_peers"): ",".join(persistent_peers),
        }
        for key, value in (p2p or {}).items():
            settings["p2p", key] = value
        config = home / "config" / "config.toml"
        text = config.read_text()
        for (section, key), value in (settings | dict(keys or {})).items():
            text = set_key_in_either_spelling(text, section, key, value)
        config.write_text(text)
        file = home / "config" / "genesis.json"
        origin = file if genesis is None else genesis.home / "config" / "genesis.json"
        file.write_text(json.dumps(json.loads(origin.read_text()) | {"chain_id": network}))
        self.id = self._run(self._commands.show_node_id).strip()

    @property
    def address(self) -> str:
        """ID@host:port to dial it."""
        return f"{self.id}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = START_TIMEOUT_S) -> Self:
        """Start the node and wait until its RPC answers."""
        log = (self.home / "node.log").open("ab")
        command = [str(self._program), self._commands.start, "--home", str(self.home)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._process, self._log = process, log
        self._finalizer = weakref.finalize(self, _end, process, log)
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.rpc("health")
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    ended = f"start failed (exit code {process.poll()}, {error})"
                    text = self.log_tail()
                    self.kill()
                    raise CometNodeError(ended, text) from error
                time.sleep(POLL_S)
            else:
                return self

    def rpc(self, method: str, **params: object) -> Any:
        """The result of one JSON-RPC call.

        Raises: OSError if the node does not answer, CometNodeError if it answers with an error.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        url = f"http://127.0.0.1:{self.rpc_port}/"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5.0) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                answer = json.load(error)
        if answer.get("error"):
            raise CometNodeError(f"{method}: {answer['error']}", self.log_tail())
        return answer["result"]

    def net_info(self) -> Mapping[str, Any]:
        info: Mapping[str, Any] = self.rpc("net_info")
        return info

    def height(self) -> int:
        """The last block's height."""
        return int(self.rpc("status")["sync_info"]["latest_block_height"])

    def peer(self, peer_id: str) -> Mapping[str, Any] | None:
        """What net_info says of a peer; None if it is not connected."""
        for peer in self.net_info()["peers"]:
            if peer["node_info"]["id"] == peer_id:
                found: Mapping[str, Any] = peer
                return found
        return None

    def wait_for_peer(self, peer_id: str, timeout: float = 15.0) -> Mapping[str, Any]:
        """Wait until the peer shows in net_info. Raises: CometNodeError if it does not in time."""
        deadline = time.monotonic() + timeout
        while (found := self.peer(peer_id)) is None:
            if time.monotonic() > deadline:
                raise CometNodeError(f"peer {peer_id} not connected within {timeout} s", self.log_tail())
            time.sleep(POLL_S)
        return found

    def wait_for_height(self, height: int, timeout: float = 15.0) -> None:
        """Wait until so many blocks are made. Raises: CometNodeError if they are not in time."""
        deadline = time.monotonic() + timeout
        while self.height() < height:
            if time.monotonic() > deadline:
                raise CometNodeError(f"no block {height} within {timeout} s", self.log_tail())
            time.sleep(POLL_S)

    def book_size(self) -> int:
        """Addresses in its book as it logged them when it saved it last, at its end at the latest.

        What it saves at its end does not always reach the file: the process does not wait for that.
        """
        log = (self.home / "node.log").read_text(errors="replace")
        sizes = re.findall(r"Saving AddrBook to file.*?\bsize=(\d+)", log)
        return int(sizes[-1]) if sizes else 0

    def log_tail(self, size: int = 8192) -> str:
        """The end of what it logged."""
        with contextlib.suppress(OSError), (self.home / "node.log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode(errors="replace")
        return ""

    def pause(self) -> None:
        """SIGSTOP: the process hangs, its sockets stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; `start` brings it back on the same ports."""
        if self._process is not None:
            self._finalizer()
            self._process = None

    def stop(self, timeout: float = 10.0) -> None:
        """SIGTERM, and SIGKILL if it does not end in time. Safe to repeat."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self.kill()

    def _run(self, *command: str) -> str:
        """A short command of the program on this home."""
        done = subprocess.run(
            [self._program, *command, "--home", self.home],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60.0,
            check=False,
        )
        if done.returncode:
            raise CometNodeError(f"cometbft {' '.join(command)} failed", done.stdout + done.stderr)
        return done.stdout


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    log.close()
