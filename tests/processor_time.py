"""Where the suite's time goes: `pytest --processor-time 40` lists the tests and modules that take most of it.

`--durations` shows what the clock says, which is mostly what a test waited for, and how busy the machine was.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

__all__ = ["ProcessorTime"]

PROPERTY = "processor seconds"


def processor_seconds() -> float:
    """Of this process, and of those below it that have ended and were waited for."""
    return sum(os.times()[:4])


class ProcessorTime:
    """A plugin that adds up what each test and each module took, their fixtures included.

    Args: most, how many of either are listed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._before = processor_seconds()
        self._tests, self._modules = Costs(), Costs()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """What came before is the collection's."""
        self._before = processor_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A property of the report, which may be on its way to another process of pytest-xdist."""
        report = yield
        now = processor_seconds()
        report.user_properties.append((PROPERTY, now - self._before))
        self._before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add it to its test's and its module's."""
        processor = sum(
            value for name, value in report.user_properties if name == PROPERTY and isinstance(value, float)
        )
        self._tests.add(report.nodeid, processor, report.duration)
        self._modules.add(report.nodeid.partition("::")[0], processor, report.duration)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Both tables, and what all took."""
        terminalreporter.section("processor seconds, and seconds by the clock")
        for costs in (self._tests, self._modules):
            terminalreporter.write_line("\n".join([*costs.most(self._most), ""]))
        terminalreporter.write_line(self._modules.total())


class Costs:
    """Seconds of the processors and of the clock, by name."""

    def __init__(self) -> None:
        self._seconds: dict[str, tuple[float, float]] = {}

    def add(self, name: str, processor: float, clock: float) -> None:
        """To what the name has."""
        before = self._seconds.get(name, (0.0, 0.0))
        self._seconds[name] = before[0] + processor, before[1] + clock

    def most(self, count: int) -> Iterator[str]:
        """A line for each of those that took most of the processors' time."""
        names = sorted(self._seconds, key=self._seconds.__getitem__, reverse=True)
        yield from (_line(name, *self._seconds[name]) for name in names[:count])

    def total(self) -> str:
        """A line for all."""
        processor = sum(seconds for seconds, _ in self._seconds.values())
        return _line(
            f"all {len(self._seconds)}", processor, sum(seconds for _, seconds in self._seconds.values())
        )


def _line(name: str, processor: float, clock: float) -> str:
    return f"{processor:8.1f} {clock:8.1f}  {name}"
