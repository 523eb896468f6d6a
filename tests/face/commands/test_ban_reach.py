"""Whom a ban would hit that is to stay."""

from __future__ import annotations

import pytest

from peerage.commands.ban_reach import whom_it_hits

ID, OTHER = "a" * 40, "b" * 40
KEPT = (
    f"{ID}@203.0.113.7:26656",
    f"tcp://{OTHER.upper()}@[2001:db8::7]:26656",
    f"{'c' * 40}@sentry.example:1",
    "d" * 40,
)


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("0.0.0.0/0", "everybody with an IPv4 address"),
        ("::/0", "everybody with an IPv6 address"),
        (ID, f"the persistent or unconditional peer {KEPT[0]}"),
        (OTHER, f"the persistent or unconditional peer {KEPT[1]}"),
        ("d" * 40, f"the persistent or unconditional peer {'d' * 40}"),
        ("203.0.113.7", f"the persistent or unconditional peer {KEPT[0]}"),
        ("203.0.0.0/16", f"the persistent or unconditional peer {KEPT[0]}"),
        ("2001:db8::/32", f"the persistent or unconditional peer {KEPT[1]}"),
        ("e" * 40, ""),
        ("203.0.114.0/24", ""),
        ("203.0.113.8", ""),
        ("2001:db9::/32", ""),
    ],
)
def test_everybody_and_peers_of_the_lists_are_named(subject: str, told: str) -> None:
    """A name in an address stands for no IP."""
    assert whom_it_hits(subject, KEPT) == told


def test_each_is_named_once() -> None:
    assert whom_it_hits("203.0.113.0/24", [KEPT[0], f"{ID}@203.0.113.8:1", KEPT[0]]) == (
        f"the persistent or unconditional peer {KEPT[0]} and the persistent or unconditional peer {ID}@203.0.113.8:1"
    )
