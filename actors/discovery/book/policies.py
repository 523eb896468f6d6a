"""Switches for what peerage does better than CometBFT's rules. All of it is safe in a mixed network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMETBFT_RULES", "Improvements"]


@dataclass(frozen=True, slots=True)
class Improvements:
    """Switches.

    verified_answers: a seed tells only addresses that a handshake has verified lately, as long as there are
    any. test_before_evict: an old address is tried before it loses its place to a newcomer.
    feelers: with enough peers, now and then a new address is tried, so that the book knows who is there.
    anchors: the last good outbound peers are the first to be dialled after a restart. follow_moves: a known ID
    is tried at an address it is newly said to have, and moves there once a handshake has proved it.
    spread_groups: an offer of addresses to dial holds one of each group of IP addresses before it holds a
    second, and with half of the outbound peers there, no second one of a group is dialled. eager_rounds: when
    the dials of a round have failed, the next round comes in seconds, not in half a minute. request_groups: how
    often addresses are asked for is limited by group of IP addresses too. ask_again: as long as the book needs more, an
    outbound peer whose answer brought new addresses is asked again in the next period.
    """

    verified_answers: bool = True
    test_before_evict: bool = True
    feelers: bool = True
    anchors: bool = True
    follow_moves: bool = True
    spread_groups: bool = True
    eager_rounds: bool = True
    request_groups: bool = True
    ask_again: bool = True


COMETBFT_RULES = Improvements(
    verified_answers=False,
    test_before_evict=False,
    feelers=False,
    anchors=False,
    follow_moves=False,
    spread_groups=False,
    eager_rounds=False,
    request_groups=False,
    ask_again=False,
)
"""Nothing beyond reference 8 and 9."""
