"""actors/runtime/mail/kept_definitions.py: whoever sends definitions of classes learns that they need not come again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.runtime.mail.definitions import IDENTITY, news, unpack_identities
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.kept_definitions import Announcer
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, Port

ONE, TWO = (IDENTITY.pack(b"process1", number, True) for number in (1, 2))


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture(autouse=True)
def no_news() -> Iterator[None]:
    news.clear()
    yield
    news.clear()


@pytest.fixture
def announcer(port: Port) -> Announcer:
    return Announcer({}, port.table.is_dead, port.send)


def told(port: Port) -> list[set[bytes]]:
    return [set(unpack_identities(body)) for _address, _kind, _corr, _target, body in port.sent]


def test_a_sender_is_told_once_of_each_definition(port: Port, announcer: Announcer) -> None:
    """At its host, from whichever of its threads it came."""
    news.add(ONE)
    announcer.announce(ADDRESS | 5)
    assert [sent[:2] for sent in port.sent] == [(ADDRESS, Kind.KEPT)]
    news.update({ONE, TWO})
    announcer.announce(ADDRESS)
    news.add(TWO)
    announcer.announce(ADDRESS)
    assert told(port) == [{ONE}, {TWO}]
    assert not news


def test_a_sender_that_has_ended_is_not_told(port: Port, announcer: Announcer) -> None:
    port.table.dead.add(HOST)
    news.add(ONE)
    announcer.announce(ADDRESS)
    assert not port.sent
