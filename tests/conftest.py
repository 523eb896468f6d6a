"""Fixtures of all folders: every module of tests ends without an actor system; live nodes come from tests/nodes.py."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

from peerage.actors.runtime import System
from tests.bytecode import keep_bytecode
from tests.nodes import node_log, node_system, start_node, system_log_file, system_log_level
from tests.processor_time import ProcessorTime

__all__ = [
    "actor_system_ends_with_its_module",
    "node_log",
    "node_system",
    "start_node",
    "system_log_file",
    "system_log_level",
]


# A time limit for each example would fail at random on a busy machine. The examples are the same in each run, so that a
# change is judged by itself; `pytest --hypothesis-profile=search` draws new ones, and more.
settings.register_profile("peerage", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("peerage")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--processor-time 40`."""
    told = "at the end, list the N tests and modules that took most of the processors' time"
    parser.addoption("--processor-time", type=int, metavar="N", help=told)


def pytest_configure(config: pytest.Config) -> None:
    """Set up what the whole run has: the cache of bytecode, and what is listed at the end."""
    keep_bytecode()
    if config.getoption("--processor-time"):
        config.pluginmanager.register(ProcessorTime(config.getoption("--processor-time")))


@pytest.fixture(scope="module", autouse=True)
def actor_system_ends_with_its_module() -> Iterator[None]:
    """Starting an actor makes a system where there is none: it must not live on into other modules."""
    yield
    if System.is_running():
        System.current().shutdown()


@pytest.fixture(scope="module", autouse=True)
def logging_is_as_before_its_module() -> Iterator[None]:
    """`capture_logs` leaves structlog set up for good, and the runtime's lines then go another way. So does a command."""
    was_configured = structlog.is_configured()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if not was_configured:
        structlog.reset_defaults()
    for handler in root.handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def loggers_are_set_up_anew_each_time() -> Iterator[None]:
    """A logger that remembers how it was set up when it was first used goes on so in all later modules."""
    configure = structlog.configure

    def forgetful(*arguments: Any, **options: Any) -> None:
        configure(*arguments, **(options | {"cache_logger_on_first_use": False}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", forgetful)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports travel between the processes of pytest-xdist as text; what a test printed may be none."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report
