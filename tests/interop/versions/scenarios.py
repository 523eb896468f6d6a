"""What real nodes and ours do to each other. Each scenario plays on a stage and leaves there what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.interop.cometnode import CometNode
from tests.interop.versions.ours import OurNode
from tests.interop.versions.stage import METRICS_LAG_S, Stage, connected

__all__ = ["SCENARIOS", "Scenario"]

Scenario = Callable[[Stage], None]

CONNECT_S = 15.0
BACK_S = 3.0  # what a restarted node may take, once its RPC answers
BACK_PATIENCE_S = 30.0
HOLD_S = 12.0  # longer than the ten seconds within which a second request was an offence
MEET_S = 100.0  # three rounds of a node that looks for peers every 30 s
RESTARTS = 5
LONGEST_PAUSE_S = 11.0


def persistent_theirs(stage: Stage) -> None:
    """They have us in persistent_peers."""
    ours = stage.ours("ours")
    theirs = stage.theirs("theirs", persistent_peers=[ours.address])
    _connect_and_hold(stage, ours, theirs)


def persistent_ours(stage: Stage) -> None:
    """We have them in persistent_peers."""
    theirs = stage.theirs("theirs")
    ours = stage.ours("ours", p2p__persistent_peers=theirs.address)
    _connect_and_hold(stage, ours, theirs)


def ordinary_in_seeds(stage: Stage) -> None:
    """They have us, an ordinary node, in seeds: they stay, and find each other through us."""
    ours = stage.ours("ours")
    anna = stage.theirs("anna", seeds=ours.address)
    _connect_and_hold(stage, ours, anna, bans=False)
    bert = stage.theirs("bert", chain=anna, seeds=ours.address)
    _meet(stage, anna, bert)
    stage.stays(lambda: connected(ours, anna), HOLD_S, "the first of them connected")
    stage.expect_no_bans()


def seed_ours(stage: Stage) -> None:
    """They have nothing but our seed, and find each other."""
    seed = stage.ours("seed", p2p__seed_mode="true")
    anna = stage.theirs("anna", seeds=seed.address)
    stage.until(lambda: _answered(seed), CONNECT_S, "the first of them answered by our seed")
    bert = stage.theirs("bert", chain=anna, seeds=seed.address)
    _meet(stage, anna, bert)
    stage.sleep(HOLD_S)
    stage.expect_no_bans()
    stage.note(f"{_answered(seed)} requests answered")


def seed_theirs(stage: Stage) -> None:
    """Our nodes have nothing but their seed, and find each other."""
    seed = stage.theirs("seed", seed_mode=True)
    anna = stage.ours("anna", p2p__seeds=seed.address)
    bert = stage.ours("bert", p2p__seeds=seed.address)
    seconds = stage.until(lambda: anna.peer(bert.node_id), MEET_S, "our nodes connected with each other")
    stage.note(f"our nodes met after {seconds:.1f} s")
    stage.sleep(HOLD_S)
    stage.expect_no_bans()
    stage.note(f"{_learned(anna)} and {_learned(bert)} addresses learned")


def peer_exchange(stage: Stage) -> None:
    """They learn of each other through us, and ours of each other through them; nobody has a seed."""
    anna = stage.theirs("anna")
    first = stage.ours("first", p2p__persistent_peers=anna.address)
    second = stage.ours("second", p2p__persistent_peers=anna.address)
    bert = stage.theirs("bert", chain=anna, persistent_peers=[first.address])
    since = time.monotonic()
    stage.until(lambda: first.peer(second.node_id), MEET_S, "our nodes connected with each other")
    stage.note(f"ours met through theirs after {time.monotonic() - since:.1f} s")
    _meet(stage, anna, bert, since)
    stage.expect_no_bans()
    stage.note(f"{_learned(first)} and {_learned(second)} addresses learned")
    for node in (anna, bert):
        node.stop()
    stage.note(f"theirs learned {anna.book_size()} and {bert.book_size()}")


def restart_persistent(stage: Stage) -> None:
    """They have us in persistent_peers, and are restarted at random moments, by SIGTERM and SIGKILL."""
    ours = stage.ours("ours")
    _restart(stage, ours, stage.theirs("theirs", persistent_peers=[ours.address]))


def restart_in_seeds(stage: Stage) -> None:
    """They have us, an ordinary node, in seeds, and are restarted at random moments."""
    ours = stage.ours("ours")
    _restart(stage, ours, stage.theirs("theirs", seeds=ours.address))


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "persistent-theirs": persistent_theirs,
    "persistent-ours": persistent_ours,
    "ordinary-in-seeds": ordinary_in_seeds,
    "seed-ours": seed_ours,
    "seed-theirs": seed_theirs,
    "pex": peer_exchange,
    "restart": restart_persistent,
    "restart-in-seeds": restart_in_seeds,
}
"""By the name that `--scenario` takes."""


# --- steps ---


def _connect_and_hold(stage: Stage, ours: OurNode, theirs: CometNode, bans: bool = True) -> None:
    seconds = stage.until(lambda: connected(ours, theirs), CONNECT_S, "connected")
    stage.note(f"connected after {seconds:.1f} s")
    stage.stays(lambda: connected(ours, theirs), HOLD_S, "connected")
    peer = ours.peer(theirs.id)
    age = int(peer["connection_status"]["Duration"]) / 1e9 if peer else 0.0
    stage.expect(age >= HOLD_S - METRICS_LAG_S, f"same connection for {age:.0f} s")
    if bans:
        stage.expect_no_bans()


def _meet(stage: Stage, anna: CometNode, bert: CometNode, since: float | None = None) -> None:
    since = time.monotonic() if since is None else since
    stage.until(lambda: anna.peer(bert.id), MEET_S, "their nodes connected with each other")
    stage.note(f"theirs met after {time.monotonic() - since:.1f} s")


def _restart(stage: Stage, ours: OurNode, theirs: CometNode) -> None:
    stage.until(lambda: connected(ours, theirs), CONNECT_S, "connected")
    took = []
    for number in range(RESTARTS):
        stage.sleep(stage.rng.uniform(0.0, LONGEST_PAUSE_S))
        if number % 2:
            theirs.kill()
        else:
            theirs.stop()
        theirs.start()
        answers_since = time.time()
        stage.until(lambda: connected(ours, theirs), BACK_PATIENCE_S, "back after its restart")
        took.append(max(0.0, ours.added_at(theirs.id) - answers_since))
    text = f"{RESTARTS} restarts, back after {', '.join(f'{seconds:.1f}' for seconds in took)} s"
    stage.expect(max(took) <= BACK_S, text)
    stage.expect_no_bans()


def _answered(node: OurNode) -> int:
    return int(node.metrics().get("p2p_pex_requests_total", {}).get(("answered",), 0))


def _learned(node: OurNode) -> int:
    """Addresses in the book of a node of ours."""
    found = node.metrics().get("p2p_addresses", {})
    return int(found.get(("new",), 0) + found.get(("old",), 0))
