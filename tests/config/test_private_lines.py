"""Whom the log does not name."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.config import private_lines
from peerage.config.logging import LogSettings, formatter
from peerage.config.private_lines import hidden_peers, hide_peers

ANNA, BERT, CARL = (letter * 40 for letter in "abc")
NODE = "sentry"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hides nobody yet."""
    monkeypatch.setattr(private_lines, "_process", private_lines._Process())


def line(level: int = logging.INFO, node: str = NODE, form: str = "json", **facts: Any) -> str:
    """What is written."""
    record = logging.LogRecord("peerage.switch", level, "", 0, "text", (), None)
    exc_info = facts.pop("exc_info", None)
    if exc_info is not None:
        record.exc_info = (type(exc_info), exc_info, None)
    record.peerage_facts = {"event": "met", "node": node, **facts}
    return formatter(LogSettings("debug", form)).format(record)


def facts(**given_facts: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line(**given_facts))
    return {key: found[key] for key in given_facts}


def test_a_line_about_a_private_peer_has_neither_its_id_nor_its_address() -> None:
    """But a tag, the same each time, by which two are told apart."""
    hide_peers(NODE, [ANNA, BERT])
    anna = facts(
        peer=ANNA.upper(), address="10.1.2.3:26656", moniker="val", age=2, reason="EOF from 10.1.2.3:26656"
    )
    tag = anna["peer"]
    assert tag.startswith("private-")
    assert anna == {
        "peer": tag,
        "address": "private",
        "moniker": "private",
        "age": 2,
        "reason": "EOF from private",
    }
    assert facts(dialled=ANNA)["dialled"] == tag
    assert facts(dialled=BERT)["dialled"] not in {tag, BERT}


def test_lines_about_others_and_lines_for_debugging_are_as_they_were() -> None:
    """As are those of another node in this process."""
    hide_peers(NODE, [ANNA], [f"{ANNA}@10.1.2.3:26656"])
    others: dict[str, Any] = {"peer": CARL, "address": "10.1.2.33:26656", "peers": [CARL], "more": 3}
    assert facts(**others) == others
    for written in (line(logging.DEBUG, peer=ANNA), line(node="another", peer=ANNA)):
        assert ANNA in written


@pytest.mark.parametrize("host", ["10.1.2.3", "val.example.org", "2001:db8::7"])
def test_where_one_was_seen_is_hidden_in_lines_that_do_not_name_it(host: str) -> None:
    """As of a connection that has not said who it is."""
    place = f"[{host}]:26656" if ":" in host else f"{host}:26656"
    hide_peers(NODE, [ANNA], [f"tcp://{ANNA}@{place}", f"{CARL}@198.51.100.1:1"])
    told = facts(
        remote=place.replace("26656", "51234"), host=host, cause=f"{place} refused", other="198.51.100.1:1"
    )
    assert host not in str(told)
    assert told["other"] == "198.51.100.1:1"
    assert told["remote"] == "private"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote", "198.51.100.7:51234"),
        ("remote", "[2001:db8::9]:51234"),
        ("host", "198.51.100.7"),
        ("host", "198.51.100.0/24"),
        ("prefix", "198.51.0.0/16"),
        ("prefix", "2001:db8::/32"),
    ],
    ids=str,
)
def test_an_address_of_nobody_known_may_be_a_private_peers(key: str, value: str) -> None:
    """It comes from a new one, and is turned away before it has proved its ID. Where nobody is private, all is told."""
    text = f"nothing came from {value} in 20 s; existing: 1 is {CARL}"
    assert facts(**{key: value, "detail": text}) == {key: value, "detail": text}
    hide_peers(NODE, [ANNA])
    told = facts(**{key: value, "detail": text})
    tag = told[key]
    assert tag.startswith("unnamed-")
    assert told["detail"] == f"nothing came from {tag} in 20 s; existing: 1 is {CARL}"
    assert facts(**{key: value})[key] == tag  # whoever comes again is seen to
    assert facts(**{key: "198.51.100.8"})[key] != tag


@pytest.mark.parametrize("proof", ["peer", "dialled"])
def test_an_address_beside_an_id_is_told(proof: str) -> None:
    hide_peers(NODE, [ANNA])
    told = {"remote": "198.51.100.7:51234", proof: CARL, "detail": "198.51.100.7 says nothing"}
    assert facts(**told) == told


@pytest.mark.parametrize("value", ["peers-0", "127.0.0.1:7", "::1", "localhost:7", "", None, 7], ids=str)
def test_what_is_no_callers_address_stays(value: object) -> None:
    """Loopback is everybody's; processes are called hosts, too."""
    hide_peers(NODE, [ANNA])
    assert facts(host=value, remote=value) == {"host": value, "remote": value}


def test_what_a_private_peer_calls_itself_changes_no_word_of_ours() -> None:
    """Its moniker is not told, and may be a level's name or a part of the logger's."""
    hide_peers(NODE, [ANNA])
    for moniker in ("info", "peer"):
        told = json.loads(line(peer=ANNA, moniker=moniker))
        assert (told["level"], told["moniker"]) == ("info", "private")
        assert "private" not in told["logger"] + told["event"]


def test_loopback_addresses_are_everybodys() -> None:
    """All nodes of a machine have them."""
    hide_peers(
        NODE, [ANNA], [f"{ANNA}@127.0.0.1:1", f"{ANNA}@localhost:1", f"{ANNA}@[::1]:1", f"{ANNA}@0.0.0.0:1"]
    )
    assert facts(remote="127.0.0.1:1", cause="localhost")["remote"] == "127.0.0.1:1"


def test_what_is_no_id_hides_nothing() -> None:
    """An operator's slip would take words out of all lines."""
    hide_peers(NODE, ["", "e"], ["e@10.1.2.3:1"])
    assert facts(reason="here")["reason"] == "here"


def test_processes_of_a_program_have_the_same_tags() -> None:
    """A part that is started again, too."""
    hidden = hidden_peers([ANNA], [])
    hide_peers(NODE, [ANNA])
    here = facts(peer=ANNA)
    private_lines._process = private_lines._Process()
    hide_peers(NODE, hidden.ids, hidden.addresses, hidden.key)
    assert facts(peer=ANNA) == here
    private_lines._process = private_lines._Process()
    hide_peers(NODE, [ANNA])
    assert facts(peer=ANNA) != here  # another run, or another node: they cannot be compared


@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_exception_does_not_name_it_either(form: str) -> None:
    """Nor does a value that is cut in the middle of an ID."""
    hide_peers(NODE, [ANNA])
    written = line(
        form=form,
        exc_info=ValueError(f"{ANNA}@10.1.2.3:26656"),
        cause=ValueError(ANNA),
        long="x" * 390 + ANNA,
    )
    assert "aaaa" not in written
    assert "10.1.2.3" not in written


words = st.sampled_from(
    [ANNA, BERT, f"{ANNA}@10.1.2.3:26656", f"tcp://{BERT}@[2001:db8::7]:1", "10.1.2.3", "word", CARL]
)
values = st.recursive(
    words, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=5
)


@given(st.dictionaries(st.sampled_from(["peer", "address", "cause", "peers", "subject"]), values, max_size=4))
def test_no_value_of_any_shape_names_one(told: dict[str, Any]) -> None:
    """Whatever stands beside it."""
    private_lines._process = private_lines._Process()
    hide_peers(NODE, [ANNA, BERT], [f"{ANNA}@10.1.2.3:26656"])
    written = line(**told)
    for secret in (ANNA, BERT, "10.1.2.3", "2001:db8"):
        assert secret not in written
