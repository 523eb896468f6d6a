"""A survey's journal: whatever cuts a survey short, it goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.errors import JournalContentError, JournalError, JournalInUseError
from peerage.actors.discovery.survey.journal import Beginning, Journal, merged
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PexAddress
from tests.actors.discovery.nodes import address, node_id
from tests.actors.discovery.survey.test_survey import SEED, answered, edges_of, explore, nodes_of, unreachable
from tests.full_disk import full_disk

NETWORK = {
    SEED: [address(n) for n in range(1, 9)],
    address(1): [address(20), address(21)],
    address(2): [SEED, address(22)],
    address(22): [address(23)],
    address(23): [],
}


def survey_with(journal: Journal, seeds: list[NetAddress] | None = None) -> Survey:
    """Go on with a journal, or begin one."""
    beginning = merged(journal.beginning, Beginning(tuple([SEED] if seeds is None else seeds)))
    survey = Survey(beginning.seeds, networks=beginning.networks, any_network=beginning.any_network)
    journal.replay(survey)
    journal.begin(beginning)
    return survey


def visit(survey: Survey, journal: Journal, most: int = 1000) -> list[str]:
    """Make so many visits and note them. Returns: the places."""
    places: list[str] = []
    there = {each.dial_string: each for each in NETWORK}
    while len(places) < most and (errand := survey.next()) is not None:
        node = there.get(errand.place)
        visited = unreachable(errand.address) if node is None else answered(node, *NETWORK[node])
        survey.visited(visited)
        journal.note(visited)
        places.append(errand.place)
    return places


@pytest.mark.parametrize("most", range(13))
def test_a_survey_goes_on_where_it_was(tmp_path: Path, most: int) -> None:
    """Nobody is visited twice, and the map is the same as without the break."""
    with Journal(tmp_path / "state") as journal:
        first = visit(survey_with(journal), journal, most)
    with Journal(tmp_path / "state") as journal:
        assert journal.beginning == Beginning((SEED,))
        survey = survey_with(journal, [])
        second = visit(survey, journal)
    whole = Survey([SEED])
    assert sorted(first + second) == sorted(explore(whole, NETWORK))
    assert nodes_of(survey) == nodes_of(whole)
    assert edges_of(survey) == edges_of(whole)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.floats(0, 1))
def test_a_journal_cut_anywhere_costs_one_visit(tmp_path: Path, where: float) -> None:
    """As a kill or a full disk leaves it."""
    path = tmp_path / "state"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        places = visit(survey_with(journal), journal)
    data = path.read_bytes()
    path.write_bytes(data[: round(where * len(data))])
    whole_lines = path.read_bytes().count(b"\n")
    with Journal(path) as journal:
        survey = survey_with(journal)
        assert survey.visits == max(0, whole_lines - 1)
        again = visit(survey, journal)
    assert len(again) == len(places) - max(0, whole_lines - 1)
    with Journal(path) as journal:
        assert survey_with(journal).done


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.binary(max_size=20),
    st.floats(0, 1e10),
    st.lists(st.builds(PexAddress, st.just(node_id(3)), texts, st.integers(0, 2**32 - 1)), max_size=3),
    st.sampled_from([None, *Fault]),
)
def test_a_visit_comes_back_as_it_was(
    tmp_path: Path, network: bytes, at: float, told: list[PexAddress], fault: Fault | None
) -> None:
    """Whatever a node says: networks may be any bytes."""
    path = tmp_path / "state"
    path.unlink(missing_ok=True)
    info = NodeInfo(id=node_id(1), network=network.decode("utf-8", "surrogateescape"), channels=b"\0")
    visited = Visited("8.8.8.8:1", at, node_id(1), info, 0.5, 0.25, tuple(told), fault, "it's \\xff")
    with Journal(path) as journal:
        journal.begin(Beginning((SEED,)))
        journal.note(visited)
    heard: list[Visited] = []

    class Listener(Survey):
        def visited(self, visited: Visited) -> None:
            heard.append(visited)

    with Journal(path) as journal:
        journal.replay(Listener([SEED]))
    assert heard == [visited]


def test_a_seed_that_did_not_answer_is_tried_again(tmp_path: Path) -> None:
    """Else a survey that began while the network was down could never go on."""
    with Journal(tmp_path / "state") as journal:
        survey = survey_with(journal, [SEED, address(50)])
        visited = unreachable(SEED)
        survey.visited(visited)
        journal.note(visited)
    with Journal(tmp_path / "state") as journal:
        survey = survey_with(journal)
        assert sorted(visit(survey, journal))[:2] == sorted([SEED.dial_string, address(1).dial_string])
        assert survey.has_seed


def test_more_seeds_can_be_given_later(tmp_path: Path) -> None:
    """They are kept as the first ones are."""
    with Journal(tmp_path / "state") as journal:
        visit(survey_with(journal), journal)
    with Journal(tmp_path / "state") as journal:
        survey = survey_with(journal, [address(60)])
        assert visit(survey, journal) == [address(60).dial_string]
    with Journal(tmp_path / "state") as journal:
        assert visit(survey_with(journal, []), journal) == [address(60).dial_string]  # did not answer


def test_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    """The networks, for they decide who was asked."""
    given = Beginning((SEED,), ("net",), any_network=False)
    with Journal(tmp_path / "state") as journal:
        journal.begin(given)
    with Journal(tmp_path / "state") as journal:
        assert journal.beginning == given


def test_two_surveys_do_not_share_a_journal(tmp_path: Path) -> None:
    """The second is told so."""
    with Journal(tmp_path / "state"), pytest.raises(JournalInUseError, match="another survey is writing it"):
        Journal(tmp_path / "state")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"hello\n", "it is not the journal of a survey"),
        (b"hello", "it is not the journal of a survey"),
        (b'{"survey":1}\n', "line 1: 'seeds'"),
        (b'{"survey":2,"seeds":[],"networks":[],"any_network":false}\n', "line 1: its version is 2"),
        (b'{"survey":1,"seeds":["x"],"networks":[],"any_network":false}\n', "line 1: "),
        (b"\xff\xfe\x00", "it is not the journal of a survey"),
    ],
)
def test_what_is_no_journal_is_left_alone(tmp_path: Path, content: bytes, text: str) -> None:
    """The error says what is wrong; the file keeps its content."""
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(JournalContentError, match=text):
        Journal(path)
    assert path.read_bytes() == content


WHOLE = {
    "place": "8.8.8.8:1",
    "at": 1.0,
    "id": None,
    "info": None,
    "connect_s": 0.0,
    "handshake_s": 0.0,
    "told": None,
    "fault": None,
    "detail": "",
}


def line_with(**changes: object) -> bytes:
    """A line that would be whole without the changes."""
    return json.dumps(WHOLE | changes).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"[]\n",
        b"1\n",
        b'{"place":"8.8.8.8:1"}\n',
        b"\xff\n",
        b"{" * 2**21,
        b"[" * 100_000 + b"\n",
        line_with(place=1),
        line_with(at="now"),
        line_with(at=float("nan")),
        line_with(at=1e300),
        line_with(connect_s=-1.0),
        line_with(info="/////w=="),
        line_with(info="?"),
        line_with(told=[["a", "b"]]),
        line_with(told=[["a", "b", "c"]]),
        line_with(told=[[1, "b", 2]]),
        line_with(fault="bad luck"),
    ],
)
def test_a_damaged_line_is_told(tmp_path: Path, line: bytes) -> None:
    """With its number; nothing is guessed."""
    path = tmp_path / "state"
    with Journal(path) as journal:
        survey_with(journal)
    whole = path.read_bytes() + line_with()
    path.write_bytes(whole)
    with Journal(path) as journal:
        assert survey_with(journal).visits == 1
    path.write_bytes(whole[: -len(line_with())] + line + line_with())
    with Journal(path) as journal, pytest.raises(JournalContentError, match="line 2: "):
        survey_with(journal)


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room(tmp_path: Path) -> None:
    """From the middle of a line on, if need be: the survey goes on meanwhile."""
    path = tmp_path / "state"
    with Journal(path) as journal:
        survey = survey_with(journal)
        visit(survey, journal, 1)
        with full_disk(), pytest.raises(JournalError, match="state: File too large"):
            visit(survey, journal, 1)
        visit(survey, journal)
        journal.catch_up()
    with Journal(path) as journal:
        after = survey_with(journal, [])
        assert after.done
        assert nodes_of(after) == nodes_of(survey)


def test_a_journal_that_was_deleted_is_missed(tmp_path: Path) -> None:
    """What goes into it is kept nowhere."""
    path = tmp_path / "state"
    with Journal(path) as journal:
        survey = survey_with(journal)
        path.unlink()
        with pytest.raises(JournalError, match="No such file"):
            visit(survey, journal)
        path.touch()
        with pytest.raises(JournalError, match="another file"):
            journal.catch_up()
