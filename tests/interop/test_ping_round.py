"""The real CometBFT node that test_cometbft.py began with: a ping round later it is still connected."""

from __future__ import annotations

import time

import pytest

from tests.interop.pair import Sight

PING_ROUND_S = 75.0  # CometBFT pings every 60 s, and waits 45 s for a pong


@pytest.mark.slow
@pytest.mark.timeout(PING_ROUND_S + 60)
def test_connection_is_the_same_after_a_ping_round(sight: Sight) -> None:
    """75 s after the first test both sides still hold the connection they began with."""
    time.sleep(max(0.0, sight.since + PING_ROUND_S - time.monotonic()))
    (theirs,) = [peer for peer in sight.their_peers() if peer["node_info"]["id"] == sight.our_id]
    (ours,) = sight.our_peers()
    for seen in (theirs, ours):
        assert int(seen["connection_status"]["Duration"]) >= (PING_ROUND_S - 1) * 1e9
