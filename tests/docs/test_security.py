"""docs/security.md: the threat model names tests that are there, and a reason for everything that is installed."""

from __future__ import annotations

import re
import tomllib

from tests.docs.pages import CHECKOUT

PAGE = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its own heads."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_each_boundary_has_tests_that_are_there() -> None:
    """And says who stands there, what crosses it and what bounds it."""
    rows = rows_below("Boundaries")
    assert len(rows) > 5
    for row in rows:
        assert all(row)
        tests = re.findall(r"`(tests/[a-z_/]+\.py)`", row[-1])
        assert tests
        assert [test for test in tests if not (CHECKOUT / test).exists()] == []


def test_each_dependency_has_a_reason_and_a_lowest_version() -> None:
    """None is installed without."""
    bounds = [re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)", each) for each in PROJECT["dependencies"]]
    assert all(bounds), PROJECT["dependencies"]
    names = [bound[1] for bound in bounds if bound]
    rows = rows_below("Dependencies")
    assert [row[0] for row in rows] == names
    assert all(row[1] for row in rows)
