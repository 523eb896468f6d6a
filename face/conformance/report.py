"""What an examination found, for people, for programs and for test runners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from peerage.conformance.examination import Result, Status
from peerage.wire.node_info import NodeInfo
from peerage.wire.remote_text import shown

__all__ = ["Report"]

HEAD = ("GROUP", "CASE", "RESULT", "CAME", "SECONDS", "SECTION", "RULE")


@dataclass(frozen=True, slots=True)
class Report:
    """Of one node.

    Args: address, as it was given; node, what it says of itself; results, in order; seconds, that all took; connections
        and sent, how many were made and how many bytes were sent; notes, what else is to be known, a line each.
    """

    address: str
    node: NodeInfo
    results: Sequence[Result]
    seconds: float
    connections: int
    sent: int
    notes: Sequence[str] = ()

    @property
    def failed(self) -> Sequence[Result]:
        """The cases that came out wrong."""
        return [result for result in self.results if result.status is Status.FAILED]

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many came out how."""
        return Counter(result.status for result in self.results)

    def rows(self) -> Iterator[Sequence[str]]:
        """The cells of a table, its head first."""
        yield HEAD
        for result in self.results:
            case = result.case
            yield (
                result.group.key,
                case.name,
                result.status,
                "-" if result.outcome is None else result.outcome.value,
                f"{result.seconds:.1f}",
                case.rule.section,
                case.rule.text,
            )

    def summary(self) -> Iterator[str]:
        """What is wrong, why cases were left out, and the figures."""
        for result in self.failed:
            yield f"FAIL {result.group.key}: {result.case.name}: {shown(result.detail)}"
            yield f"     {result.case.rule}; right: {result.case.right}"
        left_out = Counter(each.detail for each in self.results if each.status is Status.LEFT_OUT)
        for why, count in left_out.items():
            yield f"left out: {count}: {shown(why)}"
        yield from self.notes
        counts = self.counts
        yield (
            f"{len(self.results)} cases: {counts.get(Status.PASSED, 0)} passed, {len(self.failed)} failed, "
            f"{left_out.total()} left out, in {self.seconds:.0f} s "
            f"({self.connections} connections, {self.sent / 1024:.0f} KiB sent)"
        )

    def as_json(self) -> Mapping[str, Any]:
        """All of it."""
        counts = self.counts
        return {
            "address": self.address,
            "node": {
                "id": self.node.id,
                "moniker": self.node.moniker,
                "network": self.node.network,
                "version": self.node.version,
                "channels": list(self.node.channels),
            },
            "passed": counts.get(Status.PASSED, 0),
            "failed": counts.get(Status.FAILED, 0),
            "left_out": counts.get(Status.LEFT_OUT, 0),
            "seconds": round(self.seconds, 3),
            "connections": self.connections,
            "bytes_sent": self.sent,
            "notes": list(self.notes),
            "cases": [_as_json(result) for result in self.results],
        }

    def as_junit(self) -> str:
        """A test suite for each group, as JUnit's XML."""
        root = ET.Element("testsuites", {"name": f"peerage conform {self.address}", **_totals(self.results)})
        for group in dict.fromkeys(result.group for result in self.results):
            results = [result for result in self.results if result.group is group]
            suite = ET.SubElement(root, "testsuite", {"name": group.name, **_totals(results)})
            for result in results:
                _add_test(suite, result)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _as_json(result: Result) -> Mapping[str, Any]:
    case = result.case
    return {
        "group": result.group.key,
        "name": case.name,
        "section": case.rule.section,
        "rule": case.rule.text,
        "right": case.right,
        "needs": case.needs,
        "result": result.status.lower(),
        "came": None if result.outcome is None else result.outcome.value,
        "seconds": round(result.seconds, 3),
        "detail": result.detail,
    }


def _totals(results: Sequence[Result]) -> dict[str, str]:
    counts = Counter(result.status for result in results)
    return {
        "tests": str(len(results)),
        "failures": str(counts[Status.FAILED]),
        "errors": "0",
        "skipped": str(counts[Status.LEFT_OUT]),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _add_test(suite: ET.Element, result: Result) -> None:
    test = ET.SubElement(
        suite, "testcase", classname=result.group.key, name=result.case.name, time=f"{result.seconds:.3f}"
    )
    if result.status is Status.FAILED:
        failure = ET.SubElement(test, "failure", message=shown(result.detail), type=result.case.rule.section)
        failure.text = f"{result.case.rule}; right: {result.case.right}"
    elif result.status is Status.LEFT_OUT:
        ET.SubElement(test, "skipped", message=shown(result.detail))
