"""The limits on connections of one IP and one prefix: from the configuration, and in words."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.crowding import crowded, ip_limits_of
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.config import Config
from peerage.wire.ip_ranges import packed_ip, parse_network, prefix_of

OFFICE = "192.0.2.0/28"


@pytest.mark.parametrize(
    ("any_number", "peerage", "limits"),
    [
        (False, {}, IPLimits(per_ip=1)),
        (True, {}, IPLimits(per_ip=None)),
        (False, {"peers_per_ip": 4}, IPLimits(per_ip=4)),
        (True, {"peers_per_ip": 4, "peers_per_prefix": 9}, IPLimits(per_ip=4, per_prefix=9)),
        (False, {"peers_per_ip_exempt": OFFICE}, IPLimits(exempt=(parse_network(OFFICE),))),
    ],
)
def test_a_number_counts_before_cometbfts_switch(
    any_number: bool, peerage: dict[str, Any], limits: IPLimits
) -> None:
    assert ip_limits_of(Config(p2p={"allow_duplicate_ip": any_number}, peerage=peerage)) == limits


def test_a_refusal_says_which_limit_it_is() -> None:
    ip = packed_ip("192.0.2.7")
    assert [crowded(1, ip, "192.0.2.7:9"), crowded(3, ip, ""), crowded(8, prefix_of(ip), "")] == [
        Refusal(RefusalReason.DUPLICATE_IP, "192.0.2.7 is connected already, by 192.0.2.7:9"),
        Refusal(RefusalReason.DUPLICATE_IP, "3 connections from 192.0.2.7 already, of at most 3"),
        Refusal(RefusalReason.PREFIX_LIMIT, "8 connections from 192.0.2.0/24 already, of at most 8"),
    ]
