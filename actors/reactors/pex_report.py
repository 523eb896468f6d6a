"""What the operator sees of peer exchange: how requests were judged, what became of addresses, and which IDs were banned."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.manager.effects import Ban, GiveUp, Heard, Judged, NoSeedReached
from peerage.actors.log_folding import LineFolding, Repeats, folded_count
from peerage.actors.metrics.buffer import Labels
from peerage.actors.runtime.log import get_logger
from peerage.wire.remote_text import shown

__all__ = ["PexReport"]

log = get_logger("peerage.pex")


class PexReport:
    """Counts for the metrics, and writes lines to the log, folded where a remote could cause many of them.

    Args:
        lines: folds those of bans.
        repeats: decides when what has not changed is said again.
        count: adds to a counter, as `MetricsBuffer.inc`; None: metrics are off.
    """

    def __init__(
        self,
        lines: LineFolding,
        repeats: Repeats,
        count: Callable[[str, Labels, float], None] | None = None,
    ) -> None:
        self._lines, self._repeats = lines, repeats
        self._add = count

    def judged(self, effect: Judged) -> None:
        """A request for addresses was judged."""
        self._count("p2p_pex_requests_total", effect.outcome)

    def heard(self, effect: Heard) -> None:
        """The book was told addresses."""
        outcomes, peer = outcomes_of(effect.added), effect.peer
        for outcome, count in outcomes.items():
            self._count("p2p_heard_addresses_total", outcome, count)
        if peer is not None and (effect.added.refused or effect.added.displaced):
            log.debug("addresses heard", peer=peer.id, found=outcomes)

    def banned(self, effect: Ban | GiveUp) -> None:
        """The book has banned a node, or only its address."""
        did = effect.reason.partition(":")[0]  # what the peer did, without the text that it sent
        self._lines.say(
            log.info,
            "peer banned",
            effect.id,
            {"reason": did},
            peer=effect.id,
            reason=shown(effect.reason),
            seconds=effect.seconds,
            connects=isinstance(effect, GiveUp),
        )
        self._count("p2p_bans_total", did)  # so that the label has few values

    def seed_skipped(self, seed: str, error: Exception) -> None:
        """A seed could not be dialled at all: its name does not resolve now, or no peer host is up."""
        more = self._repeats.due(seed, str(error))
        if more is not None:
            log.warning("seed skipped", seed=shown(seed), cause=str(error), **folded_count(more))

    def no_seed_reached(self, _effect: NoSeedReached) -> None:
        """No seed could be reached."""
        more = self._repeats.due("no seed could be reached")
        if more is not None:
            log.info("no seed could be reached", **folded_count(more))

    def _count(self, counter: str, label: str, n: float = 1) -> None:
        if self._add is not None:
            self._add(counter, (label,), n)


def outcomes_of(added: Added) -> dict[str, int]:
    """How many addresses had which outcome."""
    outcomes = {
        "added": added.added,
        "seen again": added.seen_again,
        "left alone": added.left_alone,
        "displaced": added.displaced,
        **added.refused,
    }
    return {outcome: count for outcome, count in outcomes.items() if count}
