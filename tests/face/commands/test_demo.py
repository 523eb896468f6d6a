"""peerage demo: how the command ends. What it shows is tested with the program itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from peerage.commands import demo as module
from peerage.programs import demo as program
from peerage.supervisors.node import NodeStartError
from peerage.supervisors.node.errors import NodeLimitError
from tests.face.command_line import run

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def played(monkeypatch: pytest.MonkeyPatch, outcome: bool | Exception) -> None:
    """Let the program end at once."""

    def run_demo(*_arguments: object) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(program, "run_demo", run_demo)


def test_ends_well_when_the_nodes_found_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    played(monkeypatch, outcome=True)
    assert run("demo", "--for", "1s").exit_code == 0


@pytest.mark.parametrize(
    ("outcome", "text"),
    [(False, "the nodes did not find each other"), (NodeStartError("no room"), "no room")],
)
def test_fails_with_a_line_that_says_why(
    monkeypatch: pytest.MonkeyPatch, outcome: bool | Exception, text: str
) -> None:
    played(monkeypatch, outcome)
    result = run("demo")
    assert (result.exit_code, result.stderr) == (1, f"Error: {text}\n")


def test_a_limit_that_leaves_no_room_is_for_the_operator_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `start`: exit code 2."""
    played(monkeypatch, NodeLimitError("RLIMIT_NOFILE is 64"))
    result = run("demo")
    assert (result.exit_code, result.stderr) == (2, "Error: RLIMIT_NOFILE is 64\n")


@pytest.mark.parametrize("arguments", [("--for", "0s"), ("--log-level", "loud")])
def test_mistakes_end_with_2(arguments: tuple[str, ...]) -> None:
    assert run("demo", *arguments).exit_code == 2


def test_a_second_signal_does_not_disturb_the_end() -> None:
    """And a signal that was ignored, as under nohup, stays ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    module._stop_gently()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
