"""Events as JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.events.happenings import Banned, BanReason, Folded
from peerage.actors.events.rendering import ids_in, render, rfc3339
from peerage.wire.remote_text import shown
from tests.actors.events.parts import ANNA, BERT, came, event, refused


def test_the_keys_of_all_events_come_first_and_then_its_own() -> None:
    line = render(event(came(), "e-7"))
    found = json.loads(line.whole)
    assert list(found)[:4] == ["id", "time", "kind", "node"]
    assert found == {
        "id": "e-7",
        "time": "1970-01-01T00:16:40.000Z",
        "kind": "connected",
        "node": "ours",
        "peer": ANNA,
        "address": "192.0.2.1:26656",
        "direction": "inbound",
        "moniker": "anna",
        "version": "0.38.0",
        "persistent": False,
        "connection": "c-1",
        "since": "1970-01-01T00:16:40.000Z",
    }
    assert (line.kind, line.subject, line.address) == ("connected", ANNA, "192.0.2.1:26656")


def test_whom_an_event_is_about() -> None:
    ban = Banned(BanReason.BY_ORDER, "", "192.0.2.0/24", "then", 1)
    assert render(event(ban)).subject == "192.0.2.0/24"
    assert render(event(Folded("refused", "filtered", 3))).subject == ""


def test_a_name_with_markup_stays_a_name() -> None:
    line = render(event(came(moniker="</script><b>\u2028&")))
    assert not set(b"<>&") & set(line.whole)
    assert json.loads(line.whole)["moniker"] == "</script><b>\u2028&"


@given(st.text())
def test_whatever_a_remote_calls_itself_is_one_line_of_json(text: str) -> None:
    line = render(event(came(moniker=shown(text))))
    assert b"\n" not in line.whole
    assert json.loads(line.whole)["moniker"] == shown(text)


def test_ids_are_found_wherever_they_stand() -> None:
    line = render(event(refused(f"{ANNA.upper()} is here, c{BERT} is none")))
    assert ids_in(line) == {ANNA}


def test_times_are_in_utc_to_the_millisecond() -> None:
    assert rfc3339(1_769_860_800.1239) == "2026-01-31T12:00:00.123Z"
