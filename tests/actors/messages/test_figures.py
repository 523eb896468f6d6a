"""actors/messages/figures.py: what a peer host tells of its peers."""

from __future__ import annotations

from peerage.actors.messages import GetPeerFigures, PeerFigures, RefusalRow
from tests.actors.messages.samples import carried

REFUSAL = RefusalRow(1.0, "192.0.2.1:26656", "", False, "banned", "")


def test_question_and_answer_survive_the_way() -> None:
    """Rows as plain tuples."""
    assert carried(GetPeerFigures()) == GetPeerFigures()
    figures = PeerFigures((("c-1",),), (tuple(REFUSAL),))
    assert carried(figures) == figures
    assert RefusalRow(*carried(figures).refusals[0]) == REFUSAL
