"""Nodes that were never meant to fit, or not wholly: what they and ours see of each other is noted, and little is judged."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.started_node import peerage
from tests.interop.cometnode import CometNode
from tests.interop.versions.ours import OurNode
from tests.interop.versions.stage import NETWORK, NotSeenError, Stage

__all__ = ["MEETINGS", "STRANGERS", "Stranger"]

LOOK_S = 12.0  # several tries of either side
LONGEST_NOTE = 160
LINES = 2


@dataclass(frozen=True, slots=True)
class Stranger:
    """A node of another kind. Args: version, which is built; keys, of its configuration, by section and name."""

    version: str
    keys: Mapping[tuple[str, str], object] = field(default_factory=dict)


STRANGERS: Final[Mapping[str, Stranger]] = {
    "v0.33.9": Stranger("v0.33.9"),  # amino
    "v0.35.9": Stranger("v0.35.9"),  # another p2p stack and other messages of peer exchange
    "v0.40.0-libp2p": Stranger("v0.40.0", {("p2p.libp2p", "enabled"): True}),
    # Sends on channels that its peer did not announce; its own net_info fails as soon as it has a peer.
    "v2.0.0-rc1": Stranger("v2.0.0-rc1"),
}
"""By the name that `--only` takes."""


def they_dial(stage: Stage, stranger: Stranger) -> None:
    """They have us in persistent_peers: what becomes of it on both sides."""
    ours = stage.ours("ours")
    theirs = stage.theirs("theirs", persistent_peers=[ours.address], keys=stranger.keys)
    _look(stage, ours, theirs)


def we_dial(stage: Stage, stranger: Stranger) -> None:
    """We have them in persistent_peers; and what `peerage ping` says of them."""
    theirs = stage.theirs("theirs", keys=stranger.keys)
    code, said = ping(theirs.address)
    stage.note(f"ping ({code}): {said}")
    ours = stage.ours("ours", p2p__persistent_peers=theirs.address)
    _look(stage, ours, theirs)


MEETINGS: Final[Mapping[str, Callable[[Stage, Stranger], None]]] = {
    "they-dial": they_dial,
    "we-dial": we_dial,
}


def ping(address: str) -> tuple[int, str]:
    """Returns: the exit code of `peerage ping`, and what it says first."""
    with peerage(
        "ping", address, "--network", NETWORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        output, _ = process.communicate(timeout=60.0)
    return process.returncode, _short(output.decode().partition("\n")[0])


def _look(stage: Stage, ours: OurNode, theirs: CometNode) -> None:
    try:
        seconds = stage.until(lambda: ours.peer(theirs.id), LOOK_S, "connected")
    except NotSeenError:
        stage.note("not connected")
    else:
        try:
            stage.stays(lambda: ours.peer(theirs.id), LOOK_S, "connected")
        except NotSeenError as error:
            stage.note(f"connected after {seconds:.1f} s, {error}")
        else:
            stage.note(f"connected after {seconds:.1f} s, for {LOOK_S:g} s and more")
    for line in _ours_says(ours):
        stage.note(f"ours: {line}")
    for line in _theirs_says(theirs, ours.node_id):
        stage.note(f"theirs: {line}")
    stage.expect_no_bans()
    packets = ours.metrics().get("p2p_unserved_packets_total", {})
    for (channel,), count in packets.items():
        stage.note(f"{count:.0f} packets dropped on {channel}")
    stage.expect(ours.lives(), "our node lives")


def _ours_says(ours: OurNode) -> list[str]:
    """Why our node refused or stopped somebody, each reason once."""
    said: dict[str, None] = {}
    for line in ours.log().splitlines():
        record = json.loads(line)
        if record.get("event") in {"peer refused", "peer stopped", "dial failed"}:
            text = f"{record['event']}: {record.get('reason', '')} {record.get('detail') or ''}".strip()
            said.setdefault(_short(text))
    return list(said)[:LINES]


def _theirs_says(theirs: CometNode, our_id: str) -> list[str]:
    """What their log says of failed connections, each text once."""
    said: dict[str, None] = {}
    for line in theirs.log_tail(1 << 20).splitlines():
        if re.search(r"\berr(or)?=|failed", line) and re.search(r"(?i)p2p|peer|dial|pex", line):
            text = re.sub(r"\x1b\[[0-9;]*m", "", line)
            text = re.sub(r"^\S*\[?[-0-9|T:.Z]+\]?\s*", "", text)  # its level and time
            text = re.sub(r"127\.0\.0\.1:\d+", "…", text.replace(our_id, "ours").replace(theirs.id, "theirs"))
            said.setdefault(_short(re.sub(r"\s+", " ", text)))
    return list(said)[:LINES]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 1] + "…"
