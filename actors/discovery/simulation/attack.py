"""Kinds of attack that a simulated network is put to, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = ["ATTACKS", "Attack", "Tells"]


class Tells(Enum):
    """What a hostile node answers when it is asked for addresses."""

    OWN = "hostile addresses"
    MIXED = "hostile addresses and honest ones, as many of each"
    DEAD = "hostile addresses and such that nobody is at, as many of each"


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attacker has, and does.

    Args:
        about: one sentence for a reader.
        addresses: how many it has, each with a node that lets everybody in and is never down.
        groups: of addresses (IPv4 /16) that they are in.
        tells: what its nodes answer.
        every_s: how often one of them connects to each victim and each seed.
        stay_s: how long it stays, if it is not asked to go.
        distance: seconds from each of them to the middle of the network; 0: no honest node is nearer to anybody.
        useful: whether they pass on what honest nodes pass on, so that they are of use to their peers.
        head_start_s: seconds for which the victims and the attacker are alone before the other nodes start.
        seeds: the share of the network's seeds that are the attacker's.
    """

    about: str
    addresses: int = 800
    groups: int = 8
    tells: Tells = Tells.OWN
    every_s: float = 2.0
    stay_s: float = 60.0
    distance: float = 0.01
    useful: bool = False
    head_start_s: float = 0.0
    seeds: float = 0.0


ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        "one-prefix": Attack("all hostile nodes are in one /16", groups=1),
        "few-prefixes": Attack("hostile nodes are in 8 prefixes of /16"),
        "many-prefixes": Attack("each second hostile node is in a prefix of its own", groups=400),
        "correct-answers": Attack(
            "hostile nodes answer with honest addresses too, and are of use",
            groups=400,
            tells=Tells.MIXED,
            useful=True,
        ),
        "flooded-book": Attack(
            "half of the addresses in an answer are at nobody", groups=64, tells=Tells.DEAD, every_s=0.5
        ),
        "hostile-seed": Attack("one seed of two is hostile", groups=64, seeds=0.5),
        "held-places": Attack(
            "inbound places are taken and held, from 8 prefixes", every_s=0.5, stay_s=math.inf
        ),
        "held-by-many": Attack("the same from 400 prefixes", groups=400, every_s=0.5, stay_s=math.inf),
        "near": Attack(
            "the same, and every hostile node seems to be nearer than any other",
            groups=400,
            every_s=0.5,
            stay_s=math.inf,
            distance=0.0,
        ),
        "early": Attack(
            "the same, and hostile nodes are there a minute before the honest ones",
            groups=400,
            every_s=0.5,
            stay_s=math.inf,
            distance=0.0,
            head_start_s=60.0,
        ),
    }
)
