"""The last events, for the owner and for everybody else."""

from __future__ import annotations

from peerage.actors.events.event_log import EventLog
from peerage.actors.events.messages import NextEvents
from peerage.actors.events.private_names import PrivateNames
from tests.actors.events.parts import ANNA, BERT, came, refused


def subjects(log: EventLog, *, public: bool = True) -> list[str]:
    return [line.subject for line in log.answer(NextEvents(public=public)).lines]


def test_nothing_is_public_until_it_is_known_who_is_private() -> None:
    log = EventLog("e", "ours", PrivateNames())
    log.add(1.0, came(1))
    assert (subjects(log), subjects(log, public=False)) == ([], [ANNA])
    log.learn_private([])
    assert subjects(log) == [ANNA]


def test_the_public_has_numbers_of_its_own() -> None:
    log = EventLog("e", "ours", PrivateNames([ANNA]))
    log.learn_private([])
    for what in (came(1), came(2, BERT)):
        log.add(1.0, what)
    (line,) = log.answer(NextEvents()).lines
    assert line.id == "ep-000000000001"
    assert [each.id for each in log.answer(NextEvents(public=False)).lines][-1] == "e-000000000002"


def test_who_becomes_private_is_forgotten() -> None:
    log = EventLog("e", "ours", PrivateNames())
    log.learn_private([])
    log.add(1.0, came(1))
    log.add(2.0, refused(address="192.0.2.1:9"))
    log.add(3.0, came(2, BERT))
    log.learn_private([ANNA])
    assert subjects(log) == [BERT]
    assert len(subjects(log, public=False)) == 3
