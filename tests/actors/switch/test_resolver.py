"""Addresses whose names are resolved beside the loop."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.switch.resolver import Resolver
from peerage.wire.errors import AddressError
from tests.actors.switch.parts import ANNA, BERT, Beside

NAMES = {"anna.example": ["10.0.0.7"]}


@pytest.fixture
def beside() -> Beside:
    return Beside()


@pytest.fixture
def resolver(beside: Beside) -> Resolver:
    return Resolver(beside.run, lambda host: NAMES.get(host, []))


def test_a_name_is_resolved_beside_the_loop(resolver: Resolver, beside: Beside) -> None:
    """The result comes when it is there."""
    found: list[Any] = []
    resolver.parse(f"{ANNA}@anna.example:1", found.append)
    assert found == []
    beside.do()
    assert str(found[0].host) == "10.0.0.7"


def test_an_address_that_does_not_parse_is_an_error(resolver: Resolver, beside: Beside) -> None:
    """Handed on, not raised."""
    found: list[Any] = []
    resolver.parse("nonsense", found.append)
    beside.do()
    assert isinstance(found[0], AddressError)


def test_of_many_those_without_an_address_are_skipped(resolver: Resolver, beside: Beside) -> None:
    """Each is told of; the others come with their texts."""
    texts = [f"{ANNA}@anna.example:1", f"{BERT}@gone.example:1"]
    skipped: list[str] = []
    found: list[Any] = []
    resolver.parse_all(texts, lambda text, _error: skipped.append(text), found.append)
    beside.do()
    assert skipped == texts[1:]
    assert [text for text, _ in found[0]] == texts[:1]


def test_of_many_one_that_does_not_parse_fails_all(resolver: Resolver, beside: Beside) -> None:
    """Nothing is skipped then."""
    found: list[Any] = []
    resolver.parse_all(
        [f"{BERT}@gone.example:1", "nonsense"], lambda text, _error: pytest.fail(text), found.append
    )
    beside.do()
    assert isinstance(found[0], AddressError)
