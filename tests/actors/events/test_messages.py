"""What the hub is told and asked."""

from __future__ import annotations

import json
import pickle

from peerage.actors.events.messages import EventLine, Happened, NextEvents
from tests.actors.events.parts import came


def test_a_line_has_its_id_in_front() -> None:
    line = EventLine("e-1", 1.0, "lost", "", "", b'{"kind":"lost"}')
    assert line.whole == b'{"id":"e-1","kind":"lost"}'
    assert json.loads(line.whole)["id"] == "e-1"


def test_they_travel() -> None:
    for message in (Happened(((1.0, came()),)), NextEvents("e-1", wait=3.0)):
        assert pickle.loads(pickle.dumps(message)) == message


def test_by_default_private_peers_are_left_out() -> None:
    assert NextEvents().public
