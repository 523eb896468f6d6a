"""Who is persistent, unconditional and private."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from peerage.actors.messages import SwitchNotes
from peerage.actors.switch.peer_lists import PeerLists, checked_ids
from peerage.wire.errors import AddressError
from tests.actors.switch.parts import ANNA, BERT, OWN, table

HOME = f"{ANNA}@10.0.0.2:26656"
OURS = f"{OWN}@10.0.0.1:26656"


class Lists:
    """`kept` are the notes that the peer hosts were given; `told`, how often others heard who is private."""

    def __init__(self, *configured: str) -> None:
        self.table = table()
        self.kept: list[SwitchNotes] = []
        self.told = 0
        self.lists = PeerLists(self.table, configured, keep=self.kept.append, tell_private=self.tell)

    def tell(self) -> None:
        self.told += 1


def test_what_is_added_counts_and_is_kept_with_a_growing_revision() -> None:
    """The peer hosts keep it for the next switch."""
    each = Lists()
    each.lists.add_checked_persistent([HOME])
    each.lists.add_unconditional([BERT])
    each.lists.add_private([ANNA.upper()])
    assert each.kept[-1] == SwitchNotes(3, (HOME,), frozenset({BERT}), frozenset({ANNA}))
    assert (each.table.persistent, each.table.unconditional, each.table.private) == (
        {ANNA: HOME},
        {BERT},
        {ANNA},
    )
    assert each.told == 1


def test_what_is_no_id_or_address_is_refused_and_not_noted() -> None:
    """Nothing changes."""
    each = Lists()
    with pytest.raises(AddressError):
        each.lists.add_checked_persistent([HOME, "nonsense"])
    for add in (each.lists.add_unconditional, each.lists.add_private):
        with pytest.raises(ValueError, match="40 hexadecimal characters"):
            add([ANNA, "nonsense"])
    assert (each.kept, each.table.persistent) == ([], {})


def test_a_name_needs_not_be_resolved_to_be_added() -> None:
    """That is done at each dial."""
    each = Lists()
    each.lists.add_checked_persistent([f"{ANNA}@gone.example:1"])
    assert list(each.table.persistent) == [ANNA]


def test_newer_notes_are_taken_over_and_older_ones_are_not() -> None:
    """They are what a predecessor was told."""
    each = Lists()
    assert each.lists.merge(SwitchNotes(2, (HOME,), frozenset({ANNA}), frozenset({BERT})))
    assert not each.lists.merge(SwitchNotes(1))
    assert not each.lists.merge(SwitchNotes(2))
    assert (each.table.unconditional, each.table.private, each.told) == ({ANNA}, {BERT}, 1)
    assert each.kept == []
    each.lists.add_unconditional([BERT])
    assert each.kept[-1].revision == 3


def test_each_persistent_peer_is_new_once() -> None:
    """Of the configuration, and of the notes."""
    each = Lists(HOME)
    each.lists.merge(SwitchNotes(1, (f"{BERT}@10.0.0.3:1",)))
    assert each.lists.new_persistent() == [HOME, f"{BERT}@10.0.0.3:1"]
    assert each.lists.new_persistent() == []


def test_our_own_address_is_left_out_and_that_is_said_once() -> None:
    """All nodes of a network may share a list."""
    each = Lists(OURS, HOME)
    with capture_logs() as lines:
        assert each.lists.new_persistent() == [HOME]
        each.lists.add_persistent([OURS])
    assert [line["peer"] for line in lines] == [OWN]
    assert list(each.table.persistent) == [ANNA]


def test_a_peer_whose_address_is_our_own_is_dropped_for_good() -> None:
    """It is not found again in the configuration."""
    each = Lists(HOME)
    each.lists.new_persistent()
    with capture_logs() as lines:
        assert each.lists.drop_persistent(ANNA)
        assert not each.lists.drop_persistent(ANNA)
    assert [line["address"] for line in lines] == [HOME]
    assert each.lists.new_persistent() == []


def test_ids_are_compared_in_lower_case() -> None:
    """However they are written."""
    assert checked_ids([ANNA.upper(), BERT]) == {ANNA, BERT}
