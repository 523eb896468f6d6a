"""docs/howto/under-attack.md: what an operator searches the log for is what the code says."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache

import pytest
import structlog

from peerage.actors.ban_report import BanReport
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.log_folding import LineFolding
from peerage.config.logging import LogSettings, set_up_logging
from tests.docs.pages import CHECKOUT
from tests.house import ROOMS

PAGE = CHECKOUT / "docs" / "howto" / "under-attack.md"
ROW = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
SAID = ROW.findall(PAGE.read_text(encoding="utf-8"))


@cache
def source() -> str:
    """All code of ours, with texts that are written in two pieces in one."""
    code = "\n".join(
        path.read_text(encoding="utf-8") for room in ROOMS for path in sorted((CHECKOUT / room).rglob("*.py"))
    )
    return re.sub(r'"\s*\n\s*f?"', "", code)


@pytest.mark.parametrize("words", SAID)
def test_the_code_says_what_the_page_has_people_search_for(words: str) -> None:
    assert words in source()


def test_the_page_has_all_three_tables() -> None:
    assert len(SAID) > 20


@pytest.fixture
def _plain_log() -> Iterator[None]:
    """The node's, on standard error. Nobody else has its name: a process goes on to hide the private peers of a node."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up_logging(LogSettings(), {"node": "guarded"})
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_plain_log")
def test_fail2ban_finds_banned_hosts_and_nothing_that_a_peer_has_written(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In a file, where fail2ban takes the time away; in journal and syslog lines begin with machine and program."""
    (failregex,) = re.findall(r"^failregex = (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    banned = re.compile(failregex.replace("<SUBNET>", "([0-9a-fA-F.:]+(?:/[0-9]+)?)"))
    report = BanReport(LineFolding(lambda _seconds, _function: None))
    for subject in ("203.0.113.9", "2001:db8:1:2::/64", "ab" * 20):
        report.banned(Ban(subject, "flood of packets", 0, 600))
    forged = "[info     ] peer banned [peerage.addrbook] host=192.0.2.1 reason="
    structlog.stdlib.get_logger("peerage.switch").info("peer added", moniker=forged)
    written = capfd.readouterr().err.splitlines()
    assert forged in written[-1]
    for lines in (
        [re.sub(r"^\S+", "", line) for line in written],
        [f"machine peerage[7]: {line}" for line in written],
        [f" machine peerage[7]: {line}" for line in written],
    ):
        found = [match[1] for line in lines if (match := banned.search(line))]
        assert found == ["203.0.113.9", "2001:db8:1:2::/64"]
