"""Which processes of a running node have its private key in memory: those that shake hands, and the embedder's."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from peerage.actors.runtime import System
from peerage.wire.keys import NodeKey
from tests.nodes import StartNode, wait_until
from tests.processes import title_of

CHUNK = 1 << 20
REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \S+ *(.*)")


def regions(pid: int) -> Iterator[tuple[int, int]]:
    """Where a process may read and write: from, to. Not what the kernel maps into every process, nor the memory for large
    messages, which is sparse: to read it is to fill it.
    """
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if (found := REGION.match(line)) and found[3] not in {"[vvar]", "[vvar_vclock]", "[vsyscall]"}:
            yield int(found[1], 16), int(found[2], 16)


def holds(pid: int, secret: bytes) -> bool | None:
    """Whether a process has these bytes anywhere in its memory; None where we may not look."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - no file of a path
            for start, end in regions(pid):
                tail = b""
                for at in range(start, end, CHUNK):
                    try:
                        chunk = os.pread(memory.fileno(), min(CHUNK, end - at), at)
                    except OSError:  # beyond the end of a file that is mapped
                        break
                    if secret in tail + chunk:
                        return True
                    tail = chunk[-len(secret) :]
    except PermissionError:
        return None
    return False


@pytest.fixture(scope="module")
def system_log_level() -> str:
    """All that there is."""
    return "debug"


def forms_of(secret: bytes) -> set[bytes]:
    """What a secret may look like in a text."""
    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"=")[:-1],
        repr(secret)[2:-1].encode(),
    }


@pytest.mark.slow
def test_no_secret_is_in_the_log_the_arguments_or_the_environment(
    start_node: StartNode, node_system: System, system_log_file: Path
) -> None:
    """At debug, with a connection between two nodes: neither a private key nor the key of the mailboxes."""
    keys = NodeKey.generate(), NodeKey.generate()
    one, other = (start_node(node_key=key, p2p={"pex": True}) for key in keys)
    one.dial(other.address)
    wait_until(lambda: one.peers() and other.peers())
    pids = [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]
    texts = [system_log_file.read_bytes()]
    for pid in pids:
        for name in ("cmdline", "environ"):
            with contextlib.suppress(PermissionError):  # closed, as it has the key
                texts.append(Path(f"/proc/{pid}/{name}").read_bytes())
    assert b"debug" in texts[0]
    for secret in (*(key.seed for key in keys), node_system.process.network.key):
        for form in forms_of(secret):
            assert not any(form in text for text in texts)


@pytest.mark.slow
def test_the_private_key_is_in_the_memory_of_those_who_shake_hands_and_of_no_others(
    start_node: StartNode, node_system: System
) -> None:
    """Restarted ones too. The embedder's process has it, as it is what a peer host that is restarted gets it from."""
    key = NodeKey.generate()
    node = start_node(
        node_key=key,
        p2p={"pex": True},
        rpc={"laddr": "tcp://127.0.0.1:0"},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
        peerage={"private_memory": True},
    )
    assert node.is_running
    assert holds(os.getpid(), key.seed)  # so the search finds what is there
    children = psutil.Process().children(recursive=True)
    found = {title_of(child.pid).rpartition(": ")[2]: holds(child.pid, key.seed) for child in children}
    others = {part: held for part, held in found.items() if "peers-" not in part}
    assert {part.rpartition("/")[2] for part in others} >= {
        "fork server",
        "addrbook",
        "switch",
        "metrics",
        "reactor-PEX",
        "reactor-ECHO",
        "rpc",
    }
    assert not any(held is not False for held in others.values()), others
    # Root may look into the peer hosts, and finds it there; their own user may not.
    peer_hosts = [held for part, held in found.items() if part.startswith(f"{node.names.prefix}peers-")]
    assert peer_hosts == [True if os.geteuid() == 0 else None] * 2
