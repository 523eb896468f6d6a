"""What a configuration promises its peers, and what the limits leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.supervisors.node.room_for_peers import lack_of_room
from tests.nodes import node_config


@pytest.mark.parametrize(
    ("inbound", "hosts", "limit", "room"),
    [
        (40, 2, 1024, None),
        (40, 2, 410, 2 * (410 - 2 * (410 // 8) - 64)),  # enough for the peers, not for as many handshakes
        (40, 2, 112, 2 * (112 - 28 - 64)),
        (2000, 2, 1024, 2 * (1024 - 128 - 64)),
        (2000, 8, 1024, None),
        (40, 0, 1024, None),
        (400, 0, 1024, (1024 - 64 - 100) // 5),
        (40, 2, 64, 0),
    ],
)
def test_a_limit_that_is_too_low_for_all_peers_is_named(
    tmp_path: Path, inbound: int, hosts: int, limit: int, room: int | None
) -> None:
    """With its value, what it leaves room for, and the settings that promise more."""
    config = node_config(
        tmp_path,
        p2p={"max_num_inbound_peers": inbound, "max_num_outbound_peers": 10},
        peerage={"peer_hosts": hosts},
    )
    why = lack_of_room(config, limit)
    if room is None:
        assert why == ""
    else:
        for words in (
            f"allow {inbound + 10} peers",
            ""
            if not hosts
            else f"{max(512, inbound)} more connections may shake hands (peerage.handshake_places)",
            f"{limit} file descriptors (RLIMIT_NOFILE)",
            f"about {room};",
        ):
            assert words in why
