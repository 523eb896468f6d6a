"""What an examination found."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from peerage.conformance.case import Case, Group, Outcome, Rule
from peerage.conformance.examination import Result, Status
from peerage.conformance.report import Report
from peerage.wire.node_info import NodeInfo

GROUP = Group("Group", "key")
RULE = Rule("9", "be nice & <quiet>")
CASE = Case("a case", lambda _visitor: None, frozenset({Outcome.ENDED}), rule=RULE)
RESULTS = [
    Result(GROUP, CASE, Status.PASSED, Outcome.ENDED, 0.25),
    Result(GROUP, CASE, Status.FAILED, Outcome.SERVED, 1.0, "ended was \x1b expected"),
    Result(GROUP, CASE, Status.LEFT_OUT, detail="no time"),
    Result(GROUP, CASE, Status.LEFT_OUT, detail="no time"),
]


@pytest.fixture
def report() -> Report:
    node = NodeInfo(
        id="ab" * 20, listen_addr="a:1", network="net", version="1", channels=b"\x00", moniker="m"
    )
    return Report("ID@h:1", node, RESULTS, 2.0, 7, 2048, ["a note"])


def test_the_table_has_a_line_a_case(report: Report) -> None:
    """And the rule in it."""
    head, first, *others = report.rows()
    assert head == ("GROUP", "CASE", "RESULT", "CAME", "SECONDS", "SECTION", "RULE")
    assert first == ("key", "a case", "pass", "ended", "0.2", "9", "be nice & <quiet>")
    assert [row[2:4] for row in others] == [("FAIL", "served"), ("left out", "-"), ("left out", "-")]


def test_the_summary_says_what_is_wrong_and_what_was_not_done(report: Report) -> None:
    """Nothing from the node reaches the terminal as it came."""
    assert list(report.summary()) == [
        r"FAIL key: a case: ended was \x1b expected",
        "     9: be nice & <quiet>; right: the node ends the connection",
        "left out: 2: no time",
        "a note",
        "4 cases: 1 passed, 1 failed, 2 left out, in 2 s (7 connections, 2 KiB sent)",
    ]


def test_json_has_all_of_it(report: Report) -> None:
    """The node, the figures, each case."""
    found = report.as_json()
    assert (found["passed"], found["failed"], found["left_out"]) == (1, 1, 2)
    assert found["node"]["network"] == "net"
    assert found["cases"][0] == {
        "group": "key",
        "name": "a case",
        "section": "9",
        "rule": "be nice & <quiet>",
        "right": "the node ends the connection",
        "needs": [],
        "result": "pass",
        "came": "ended",
        "seconds": 0.25,
        "detail": "",
    }
    assert [case["result"] for case in found["cases"]] == ["pass", "fail", "left out", "left out"]


def test_junit_has_a_suite_for_each_group(report: Report) -> None:
    """Any reader of XML takes it, whatever a node has said."""
    root = ET.fromstring(report.as_junit())
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (
        "Group",
        "4",
        "1",
        "2",
    )
    passed, failed, left_out, _ = suite
    assert list(passed) == []
    assert [(each.tag, each.get("message")) for each in failed] == [("failure", r"ended was \x1b expected")]
    assert [(each.tag, each.get("message")) for each in left_out] == [("skipped", "no time")]
