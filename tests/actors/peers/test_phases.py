"""actors/peers/phases.py: from which phase which event leads where, and that nothing else leads anywhere."""

from __future__ import annotations

import pickle
from itertools import product

import pytest

from peerage.actors.peers.phases import CARRIES_PACKETS, MOVES, Event, Phase, Phases, UnexpectedEventError

LEGAL = {
    Phase.DIALLING: {Event.CONNECTED: Phase.HANDSHAKE, Event.CLOSED: Phase.ENDED},
    Phase.HANDSHAKE: {
        Event.IDENTIFIED: Phase.ADMISSION,
        Event.IDENTIFIED_AT_SEED: Phase.SEED_REQUEST,
        Event.CLOSED: Phase.ENDED,
    },
    Phase.SEED_REQUEST: {
        Event.NO_REQUEST: Phase.ADMISSION,
        Event.ANSWERED: Phase.DRAINING,
        Event.CLOSED: Phase.ENDED,
    },
    Phase.ADMISSION: {Event.ADMITTED: Phase.RUNNING, Event.CLOSED: Phase.ENDED},
    Phase.RUNNING: {Event.CLOSE_ASKED: Phase.DRAINING, Event.CLOSED: Phase.ENDED},
    Phase.DRAINING: {Event.ALL_SENT: Phase.CLOSING, Event.CLOSED: Phase.ENDED},
    Phase.CLOSING: {Event.CLOSED: Phase.ENDED},
    Phase.FAILED: {Event.CLOSED: Phase.ENDED},
    Phase.ENDED: {},
}


@pytest.mark.parametrize(("phase", "event"), [*product(Phase, Event)])
def test_an_event_leads_where_the_table_says_or_fails(phase: Phase, event: Event) -> None:
    """Every pair: failure is the default."""
    phases = Phases(phase)
    if event in LEGAL[phase]:
        phases.move(event)
        assert phases.phase is LEGAL[phase][event]
    else:
        with pytest.raises(UnexpectedEventError) as caught:
            phases.move(event)
        assert (caught.value.phase, caught.value.event) == (phase, event)
        assert phases.phase is Phase.FAILED
    assert phases.carries_packets == (phases.phase in CARRIES_PACKETS)


def test_the_table_has_no_other_moves() -> None:
    """The list above is all of it."""
    assert {(phase, event): to for phase, moves in LEGAL.items() for event, to in moves.items()} == MOVES


@pytest.mark.parametrize("first", [Phase.DIALLING, Phase.HANDSHAKE])
def test_every_phase_but_failure_can_be_reached(first: Phase) -> None:
    """From the first one of a dialled connection and of an accepted one."""
    reached, left = {first}, [first]
    while left:
        new = set(LEGAL[left.pop()].values()) - reached
        reached |= new
        left += new
    assert reached | {Phase.DIALLING, Phase.FAILED} == set(Phase)


def test_at_the_end_the_phase_before_it_is_known() -> None:
    """It says who has to be told."""
    phases = Phases(Phase.ADMISSION)
    phases.move(Event.ADMITTED)
    phases.move(Event.CLOSED)
    assert (phases.phase, phases.last) == (Phase.ENDED, Phase.RUNNING)


def test_a_failure_does_not_hide_the_phase_before_it() -> None:
    """A peer that failed while it ran is removed from the reactors all the same."""
    phases = Phases(Phase.RUNNING)
    with pytest.raises(UnexpectedEventError, match="'connected' in the phase 'running'"):
        phases.move(Event.CONNECTED)
    assert not phases.carries_packets
    phases.move(Event.CLOSED)
    assert (phases.phase, phases.last) == (Phase.ENDED, Phase.RUNNING)


def test_the_error_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(UnexpectedEventError(Phase.ENDED, Event.CLOSED)))
    assert (error.phase, error.event) == (Phase.ENDED, Event.CLOSED)
