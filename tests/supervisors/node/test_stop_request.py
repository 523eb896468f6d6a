import random
import signal
import threading
from collections.abc import Iterator

import pytest

from peerage.supervisors.node import stop_request
from peerage.supervisors.node.stop_request import StopRequest

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP)


@pytest.fixture
def handlers() -> Iterator[None]:
    """The previous handlers are restored afterwards, including the timer of the test's own time limit."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.setitimer(signal.ITIMER_REAL, *timer)


@pytest.mark.usefixtures("handlers")
def test_a_signal_at_any_moment_of_waiting_is_heard() -> None:
    """Even at the moment when the wait begins, as when a node is stopped right after it has printed its address."""
    rng = random.Random(1)
    for _ in range(2000):
        with StopRequest() as stop:
            stop.heed_signals()
            signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGTERM))
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 3e-5))
            stop.wait()


@pytest.mark.usefixtures("handlers")
def test_another_signal_does_not_ask() -> None:
    """Somebody else's handler may run during the wait."""
    heard = threading.Event()
    with StopRequest() as stop:
        stop.heed_signals()
        signal.signal(signal.SIGALRM, lambda _number, _frame: threading.Thread(target=second).start())

        def second() -> None:
            heard.set()
            stop.ask()

        signal.setitimer(signal.ITIMER_REAL, 1e-4)
        stop.wait()
    assert heard.is_set()


@pytest.mark.usefixtures("handlers")
def test_a_hangup_is_no_request_to_stop_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is called, once for all that came meanwhile; a stop behind it is heard."""
    monkeypatch.setattr(stop_request, "_has_terminal", lambda: False)
    calls: list[str] = []
    with StopRequest() as stop:
        stop.heed_signals()
        stop.on_hangup = lambda: calls.append("hangup")
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert not stop.wait(0.0)
        assert calls == ["hangup"]
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait()


@pytest.mark.usefixtures("handlers")
def test_a_terminal_that_is_closed_is_a_request_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes while it is there means the configuration."""
    has_terminal = [True]
    monkeypatch.setattr(stop_request, "_has_terminal", lambda: has_terminal[0])
    with StopRequest() as stop:
        stop.heed_signals()
        signal.raise_signal(signal.SIGHUP)
        assert not stop.wait(0.0)
        has_terminal[0] = False
        signal.raise_signal(signal.SIGHUP)
        assert stop.wait(0.0)


@pytest.mark.usefixtures("handlers")
def test_a_hangup_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopRequest() as stop:
        stop.heed_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_who_has_been_asked_stays_asked() -> None:
    """However often it is asked, also after the end."""
    with StopRequest() as stop:
        for _ in range(100_000):
            stop.ask()
        stop.wait()
        stop.wait()
    stop.ask()


def test_a_wait_may_end_before_anybody_has_asked() -> None:
    """It says which it was."""
    with StopRequest() as stop:
        assert not stop.wait(0.0)
        stop.ask()
        assert stop.wait(0.0)
        assert stop.wait()


@pytest.mark.usefixtures("handlers")
def test_what_the_command_does_now_is_cut_short_by_a_signal() -> None:
    """As long as it says so."""
    cut: list[str] = []
    with StopRequest() as stop:
        stop.heed_signals()
        stop.on_signal = lambda: cut.append("short")
        signal.raise_signal(signal.SIGTERM)
        stop.on_signal = None
        signal.raise_signal(signal.SIGTERM)
        stop.wait()
    assert cut == ["short"]
