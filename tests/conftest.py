"""Fixtures of all folders: every module of tests ends without an actor system; live nodes come from tests/nodes.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator

import pytest
import structlog
from hypothesis import settings

from peerage.actors.runtime import System
from tests.interop.gobuild import cache_directory
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
    _keep_bytecode()
    if config.getoption("--processor-time"):
        config.pluginmanager.register(ProcessorTime(config.getoption("--processor-time")))


def _keep_bytecode() -> None:
    """Keep bytecode in the tests' cache where the environment forbids it beside the sources, as many containers do.

    Hundreds of programs are started: without it each of them, and each worker of pytest-xdist, compiles all that it imports.
    """
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(cache_directory() / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


@pytest.fixture(scope="module", autouse=True)
def actor_system_ends_with_its_module() -> Iterator[None]:
    """Starting an actor makes a system where there is none: it must not live on into other modules."""
    yield
    if System.is_running():
        System.current().shutdown()


@pytest.fixture(scope="module", autouse=True)
def logging_is_as_before_its_module() -> Iterator[None]:
    """`capture_logs` leaves structlog set up for good, and the runtime's lines then go another way."""
    was_configured = structlog.is_configured()
    yield
    if not was_configured:
        structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports travel between the processes of pytest-xdist as text; what a test printed may be none."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report
