"""What a service manager hears from a command that it has started."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.commands.service_manager import ServiceManager
from peerage.supervisors.node.stop_request import StopRequest

PATIENCE_S = 10.0


class Manager:
    """The other end. Attribute: address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0"))
        self._socket.settimeout(PATIENCE_S)

    def hear(self) -> list[str]:
        return self._socket.recv(4096).decode().splitlines()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_it_hears_of_the_start_and_of_the_end(manager: Manager) -> None:
    ours = ServiceManager.of({"NOTIFY_SOCKET": manager.address})
    ours.ready("listening")
    assert manager.hear() == ["READY=1", "STATUS=listening"]
    ours.stopping()
    assert manager.hear() == ["STOPPING=1"]


def test_its_socket_may_have_an_abstract_name() -> None:
    manager = Manager(f"@peerage-test-{os.getpid()}")
    ServiceManager.of({"NOTIFY_SOCKET": manager.address}).stopping()
    assert manager.hear() == ["STOPPING=1"]
    manager.close()


def test_its_variables_are_not_passed_on() -> None:
    """A child that gave signs of life would hide that its parent hangs."""
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/h"}
    ServiceManager.of(environment)
    assert environment == {"HOME": "/h"}


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("3000000", str(os.getpid()), 3.0),
        ("3000000", "", 3.0),
        ("3000000", "1", 0.0),  # another process is watched
        ("", "", 0.0),
        ("soon", "", 0.0),
        ("-1", "", 0.0),
    ],
    ids=["this process", "its child", "another process", "nobody", "no number", "before now"],
)
def test_whether_it_watches(microseconds: str, pid: str, seconds: float) -> None:
    ours = ServiceManager.of({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid})
    assert ours.watchdog == pytest.approx(seconds)


def test_a_sign_of_life_is_given_when_what_is_watched_responds(manager: Manager) -> None:
    """Each third of the time after which it would be taken for hung; an answer has that long, too."""
    asked: list[float] = []
    with StopRequest() as stop:

        def responds(seconds: float) -> bool:
            asked.append(seconds)
            if len(asked) == 4:
                stop.ask()
            return len(asked) != 2

        ServiceManager(manager.address, watchdog=0.03).await_stop(stop, responds)
    assert asked == [pytest.approx(0.01)] * 4
    assert [manager.hear() for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize("watchdog", [0.0, 0.001])
def test_without_a_manager_nobody_is_asked(watchdog: float) -> None:
    with StopRequest() as stop:
        stop.ask()
        ServiceManager("", watchdog).await_stop(stop, lambda _seconds: pytest.fail("nobody watches"))


def test_a_manager_that_has_gone_harms_nobody(tmp_path: Path) -> None:
    ServiceManager(str(tmp_path / "nobody")).ready("listening")
