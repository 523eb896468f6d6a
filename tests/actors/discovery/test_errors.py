"""The errors of the room."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from peerage.actors.discovery.errors import (
    AddressRefusedError,
    BanSubjectError,
    BookEntryError,
    BookFileError,
    DiscoveryError,
    JournalContentError,
    JournalError,
    JournalInUseError,
    SeedError,
    StoreError,
    StoreInUseError,
    StoreVersionError,
)
from tests.actors.discovery.nodes import address


def below(kind: type[DiscoveryError]) -> Iterator[type[DiscoveryError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


def made(kind: type[DiscoveryError]) -> DiscoveryError:
    if issubclass(kind, AddressRefusedError):
        return kind(address(1))
    if kind is DiscoveryError:
        return DiscoveryError("x")
    examples: dict[type[DiscoveryError], DiscoveryError] = {
        BanSubjectError: BanSubjectError("x"),
        BookEntryError: BookEntryError("nobody", "no ID"),
        BookFileError: BookFileError("cut short"),
        JournalContentError: JournalContentError("file", "line 2: damaged"),
        JournalError: JournalError("file", "disk full"),
        JournalInUseError: JournalInUseError("file"),
        SeedError: SeedError("no seed", (("a", "b"),)),
        StoreError: StoreError("file", "disk full"),
        StoreInUseError: StoreInUseError("file"),
        StoreVersionError: StoreVersionError("file", 3, 1),
    }
    return examples[kind]


@pytest.mark.parametrize("kind", sorted(set(below(DiscoveryError)), key=str))
def test_errors_survive_pickling(kind: type[DiscoveryError]) -> None:
    """They cross from the book's process to others: type, text and details stay."""
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_reasons_of_refusal_are_all_different() -> None:
    """They are labels of a metric."""
    kinds = [kind for kind in below(AddressRefusedError) if issubclass(kind, AddressRefusedError)]
    assert len({kind.reason for kind in kinds}) == len(kinds)
