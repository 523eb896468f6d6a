"""The runtime's log: structlog where the program has set it up, else the standard library's loggers."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import types
from collections.abc import Iterator

import pytest
import structlog

from peerage.actors.runtime import log as module
from peerage.actors.runtime.log import FACTS, get_logger, sign_process, signed

NAME = "peerage.test-log"


@pytest.fixture(autouse=True)
def _unsigned() -> Iterator[None]:
    yield
    sign_process({})
    structlog.reset_defaults()


def lines_of_structlog() -> list[structlog.typing.EventDict]:
    """Set structlog up. Returns: what is logged by it from now on."""
    seen: list[structlog.typing.EventDict] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        seen.append(event)
        return ""

    structlog.configure(processors=[keep], logger_factory=structlog.ReturnLoggerFactory())
    return seen


def test_without_structlogs_setup_a_line_is_a_record_with_its_facts_beside_it(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output belongs to the program."""
    with caplog.at_level(logging.INFO, NAME):
        get_logger(NAME).info("host ended", host="a", pid=7)
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == (NAME, "host ended: host=a pid=7")
    assert getattr(record, FACTS) == {"event": "host ended", "host": "a", "pid": 7}
    assert capsys.readouterr().out == ""


def test_structlog_is_used_as_soon_as_the_program_has_set_it_up() -> None:
    """A logger that was taken before goes the new way."""
    log = get_logger(NAME)
    seen = lines_of_structlog()
    log.info("met", peer="ab")
    assert seen == [{"event": "met", "peer": "ab"}]


@pytest.mark.parametrize(
    ("value", "written"),
    [("two\nlines", r"two\nlines"), ("\x1b[2J", r"\x1b[2J"), ("x" * 500, "x" * (module.SHOWN - 1) + "…")],
)
def test_a_value_stays_on_its_line_and_within_bounds(
    caplog: pytest.LogCaptureFixture, value: str, written: str
) -> None:
    """It may come from a stranger."""
    with caplog.at_level(logging.INFO, NAME):
        get_logger(NAME).info("met", moniker=value)
    assert caplog.records[0].getMessage() == f"met: moniker={written}"


def test_lines_are_signed_by_thread_and_else_by_process() -> None:
    """A thread of a process that several nodes share belongs to one of them."""
    sign_process({"node": "a"})
    seen = {"before": dict(module.signature())}

    def other_thread() -> None:
        module.sign_thread({"node": "b"})
        seen["thread"] = dict(module.signature())

    with signed({"part": "switch"}):
        seen["within"] = dict(module.signature())
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    seen["after"] = dict(module.signature())
    assert seen == {
        "before": {"node": "a"},
        "within": {"node": "a", "part": "switch"},
        "thread": {"node": "b"},
        "after": {"node": "a"},
    }


def test_a_debug_line_that_nobody_wants_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that comes and goes has several of them."""
    log = get_logger(NAME)
    monkeypatch.setattr(type(log), "bind", lambda _self, **_facts: pytest.fail("a logger was made"))
    logging.getLogger(NAME).setLevel(logging.INFO)
    log.debug("peer added", peer="ab")


def test_a_debug_line_that_somebody_wants_is_written(caplog: pytest.LogCaptureFixture) -> None:
    """Whether by the library or by structlog."""
    log = get_logger(NAME)
    with caplog.at_level(logging.DEBUG, NAME):
        log.debug("peer added", peer="ab")
    assert [record.getMessage() for record in caplog.records] == ["peer added: peer=ab"]
    seen = lines_of_structlog()
    log.debug("peer added", peer="ab")
    assert seen == [{"event": "peer added", "peer": "ab"}]


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_lines_for_debugging_need_not_be_made_where_nobody_wants_them(level: int) -> None:
    """A node's setup of structlog asks the library's logger first; of another setup nothing is known."""
    log = get_logger(NAME)
    logging.getLogger(NAME).setLevel(level)
    try:
        wanted = level == logging.DEBUG
        assert log.tells_all is wanted
        structlog.configure(processors=[structlog.stdlib.filter_by_level, structlog.dev.ConsoleRenderer()])
        assert log.tells_all is wanted
        lines_of_structlog()
        assert log.tells_all
    finally:
        logging.getLogger(NAME).setLevel(logging.NOTSET)


def test_a_system_takes_structlog_only_where_the_program_has_it() -> None:
    """It takes as long to import as everything else, with all that it looks for."""
    code = """
import sys
from peerage.actors.runtime import ProcessActor, System

class Modules(ProcessActor):
    def on_receive(self, message):
        return set(sys.modules)

if __name__ == "__main__":
    with System():
        there = Modules.start().ask("which")
    print("structlog" in there, "structlog" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_structlog_that_is_half_imported_is_let_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By another thread, at this moment."""
    monkeypatch.setitem(sys.modules, "structlog", types.ModuleType("structlog"))
    with caplog.at_level(logging.INFO, NAME):
        get_logger(NAME).info("met")
    assert caplog.records[0].getMessage() == "met:"


def test_an_exception_stands_below_its_line(caplog: pytest.LogCaptureFixture) -> None:
    """Whether it is being handled here, or its text came from elsewhere."""
    try:
        raise KeyError("one")
    except KeyError:
        get_logger(NAME).exception("failed", actor="a")
    get_logger(NAME).error("failed", actor="b", exception="Traceback of two")
    first, second = caplog.records
    assert (first.getMessage(), first.exc_info[0] if first.exc_info else None) == (
        "failed: actor=a",
        KeyError,
    )
    assert (second.getMessage(), second.exc_info) == ("failed: actor=b\nTraceback of two", None)
    assert (first.module, first.levelno) == ("test_log", logging.ERROR)
