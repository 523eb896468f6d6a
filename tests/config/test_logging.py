import errno
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from peerage.config.log_level import parse_log_level
from peerage.config.logging import LogSettings, is_ours, set_levels, set_up_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_is_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Event, keys, level, logger and time, for our records and those of other libraries; bytes in hexadecimal."""
    set_up_logging(LogSettings(format="json"))
    structlog.stdlib.get_logger("peerage.switch").info("peer stopped", peer="ab", data=b"\x01\xff")
    logging.getLogger("uvicorn").warning("told by %s", "another")
    ours, theirs = map(json.loads, capfd.readouterr().err.splitlines())
    assert (ours["event"], ours["peer"], ours["data"]) == ("peer stopped", "ab", "01ff")
    assert (ours["level"], ours["logger"]) == ("info", "peerage.switch")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("told by another", "warning")


def test_what_a_library_puts_into_every_record_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    """As Ray does, once it is imported. What was given with the line is there."""
    set_up_logging(LogSettings(format="json"))
    logging.getLogger("shop").warning("sold", extra={"item": 7, "_ray_timestamp_ns": 1})
    line = json.loads(capfd.readouterr().err)
    assert line["item"] == 7
    assert not [key for key in line if key.startswith("_")]


def test_plain_goes_to_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """One line with event and keys; standard output belongs to the command."""
    set_up_logging(LogSettings())
    structlog.stdlib.get_logger("peerage.switch").info("peer stopped", reason="it left")
    out, err = capfd.readouterr()
    assert not out
    (line,) = err.splitlines()
    for part in ("info", "peer stopped", "it left", "peerage.switch"):
        assert part in line


@pytest.mark.parametrize("form", ["plain", "json"])
def test_strangers_cannot_forge_lines_or_move_the_cursor(
    form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Values from the network are escaped: no new line, no escape sequence, no failure on what is no
    UTF-8.
    """
    set_up_logging(LogSettings(format=form))
    structlog.stdlib.get_logger("peerage.peer").info("met", moniker="a\nfake\x1b[2J\udcff")
    (line,) = capfd.readouterr().err.splitlines()
    assert "\x1b[2J" not in line
    assert "fake" in line


@pytest.mark.parametrize("form", ["plain", "json"])
def test_tracebacks(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An exception is shown with its traceback; in JSON it is still one line."""
    set_up_logging(LogSettings(format=form))
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.stdlib.get_logger("peerage.x").exception("failed")
    err = capfd.readouterr().err
    assert "ValueError: broken" in err
    assert form == "plain" or len(err.splitlines()) == 1


def test_a_traceback_that_came_as_text_stands_below_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    """An actor's failure has it from another process. In JSON it keeps its key."""
    trace = "Traceback …\n  File x\nValueError: broken"
    set_up_logging(LogSettings(format="plain"))
    structlog.stdlib.get_logger("peerage.x").error("actor failed", traceback=trace, cause="broken")
    first, *below = capfd.readouterr().err.splitlines()
    assert "cause=broken" in first
    assert below == trace.splitlines()
    set_up_logging(LogSettings(format="json"))
    structlog.stdlib.get_logger("peerage.x").error("actor failed", traceback=trace)
    assert json.loads(capfd.readouterr().err)["traceback"] == trace


def test_plain_lines_have_their_keys_in_the_order_of_the_call(capfd: pytest.CaptureFixture[str]) -> None:
    """Who it is first, then what became of it."""
    set_up_logging(LogSettings(format="plain"), {"node": "anna"})
    structlog.stdlib.get_logger("peerage.x").info("peer stopped", peer="ab", age=1, address="c")
    assert capfd.readouterr().err.endswith("[peerage.x] node=anna peer=ab age=1 address=c\n")


def test_levels_by_module(capfd: pytest.CaptureFixture[str]) -> None:
    """A module's level applies to it and everything below it, * to the rest, p2p to all of peerage."""
    set_up_logging(LogSettings(level="pex:debug,*:error"))
    for name in ("peerage.pex", "peerage.pex.book", "peerage.switch", "other"):
        structlog.stdlib.get_logger(name).debug("event", at=name)
    assert "peerage.pex.book" in (err := capfd.readouterr().err)
    assert len(err.splitlines()) == 2
    set_up_logging(LogSettings(level="p2p:debug,*:error"))
    for name in ("peerage.pex", "other"):
        structlog.stdlib.get_logger(name).debug("event", at=name)
    (line,) = capfd.readouterr().err.splitlines()
    assert "peerage.pex" in line


def test_a_second_set_up_replaces_the_first(capfd: pytest.CaptureFixture[str]) -> None:
    """No line appears twice, and the levels of the first are forgotten."""
    set_up_logging(LogSettings(level="pex:debug"))
    set_up_logging(LogSettings(level="info"))
    logger = structlog.stdlib.get_logger("peerage.pex")
    logger.debug("hidden")
    logger.info("once")
    (line,) = capfd.readouterr().err.splitlines()
    assert "once" in line


def test_a_level_that_is_none() -> None:
    """It is refused when logging is set up."""
    with pytest.raises(ValueError):
        set_up_logging(LogSettings(level="loud"))


def test_a_closed_standard_error_ends_nothing() -> None:
    """A process whose standard error is gone goes on."""
    script = (
        "import os, logging; from peerage.config.logging import LogSettings, set_up_logging;"
        "set_up_logging(LogSettings()); os.close(2);"
        "logging.getLogger('x').error('lost'); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"


def test_a_line_behind_one_that_a_full_disk_has_cut_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is raised: a log must not bring down what it reports on."""
    set_up_logging(LogSettings(format="json"))
    room, written = [30], bytearray()

    def write(_fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(room[0], len(data))
        room[0] -= taken
        written.extend(data[:taken])
        return taken

    monkeypatch.setattr("peerage.config.logging.os.write", write)
    log = structlog.stdlib.get_logger("peerage.switch")
    log.info("cut")
    log.info("lost")
    room[0] = 10_000
    log.info("first")
    log.info("second")
    cut, first, second, rest = written.decode().split("\n")
    assert len(cut) == 30
    assert (json.loads(first)["event"], json.loads(second)["event"], rest) == ("first", "second", "")


def test_levels_change_without_another_set_up(capfd: pytest.CaptureFixture[str]) -> None:
    """And it is known whose log it is."""
    set_up_logging(LogSettings("error"))
    assert is_ours()
    structlog.stdlib.get_logger("peerage.switch").info("before")
    set_levels(parse_log_level("switch:info,*:error"))
    structlog.stdlib.get_logger("peerage.switch").info("after")
    structlog.stdlib.get_logger("peerage.pex").info("other")
    set_levels(parse_log_level("info"))  # the levels of modules are the process's
    assert [line.split("] ")[1].split()[0] for line in capfd.readouterr().err.splitlines()] == ["after"]
