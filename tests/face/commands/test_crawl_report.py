"""What peerage crawl prints of a network map."""

from __future__ import annotations

from peerage.commands.crawl_report import HEAD, answered_table, summary
from peerage.commands.geography import Location
from tests.actors.discovery.nodes import address, node_id
from tests.face.commands.networks import network_map


def test_the_table_has_a_line_for_each_node_that_answered() -> None:
    """The address to dial comes first; nodes that did not answer have no line."""
    lines = list(answered_table(network_map(2, 3)))
    assert lines[0].split("  ")[0] == HEAD[0]
    assert sorted(line.split()[0] for line in lines[1:]) == sorted(
        f"{node_id(n)}@{address(n).dial_string}" for n in range(2)
    )


def test_what_a_node_calls_itself_stays_on_its_line() -> None:
    """Control characters and newlines are replaced."""
    lines = list(answered_table(network_map(1, text="evil\n\x1b[2Jname")))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_the_summary_counts_what_was_found_and_why_others_were_not() -> None:
    found = dict(line.split(maxsplit=1) for line in summary(network_map(4, 2, knows=1), 1.5))
    assert found == {
        "network": "node",
        "answered": "4 nodes in 1.5 s",
        "versions": "4 node",
        "edges": "4",
        "unreachable": "2 nodes: 2 no",
    }


def test_one_node_is_not_nodes() -> None:
    assert "answered     1 node in 0.0 s" in list(summary(network_map(1, knows=0), 0.0))
    assert node_id(0) in "".join(answered_table(network_map(1, knows=0)))


def test_where_nodes_are_is_in_the_table_and_in_the_summary() -> None:
    """If files have told; a node that they do not know is counted as unknown."""
    found = network_map(3, knows=1)
    where = {
        node_id(0): Location("DE", asn=64496, organisation="Net\x1b"),
        node_id(1): Location("DE", asn=64497),
    }
    lines = list(answered_table(found, where))
    assert lines[0].split()[-3:] == ["COUNTRY", "ASN", "ORGANISATION"]
    (line,) = (line for line in lines if line.startswith(node_id(0)))
    assert line.split()[-3:] == ["DE", "AS64496", "Net\ufffd"]
    (line,) = (line for line in lines if line.startswith(node_id(2)))
    assert line.split()[-3:] == ["-", "-", "-"]
    told = dict(line.split("  ", 1) for line in summary(found, 1.0, where))
    assert told["countries"].strip() == "2 DE, 1 unknown"
    assert told["operators"].strip() == "1 Net\ufffd, 1 AS64497, 1 unknown"
