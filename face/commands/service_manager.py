"""What a service manager is told of a running command: systemd's `Type=notify` and `WatchdogSec=`.

Source: sd_notify(3), sd_watchdog_enabled(3). It is a datagram for each piece of news, so there is no library for it here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping

from peerage.supervisors.node.stop_request import StopRequest

__all__ = ["ServiceManager"]

NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
MICROSECOND = 1e-6
SHARE = 1 / 3  # of the watchdog's time between two signs of life: one that is late does no harm


class ServiceManager:
    """The one that started this process, if any did; telling nobody is no error.

    Args:
        address: of its socket, a path or @ and an abstract name; empty, when there is none.
        watchdog: seconds after which it takes this process for hung; 0, if it does not watch.
    """

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog = watchdog

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """The one that the environment names. Its variables are taken out: they are not meant for our child processes."""
        address, microseconds, pid = (environment.pop(name, "") for name in NAMES)
        is_watched = microseconds.isdigit() and pid in {"", str(os.getpid())}
        return cls(address, int(microseconds) * MICROSECOND if is_watched else 0.0)

    def ready(self, status: str) -> None:
        """The start is done."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def await_stop(self, stop: StopRequest, responds: Callable[[float], bool]) -> None:
        """Wait until a stop is requested, and give signs of life meanwhile, as long as there are any.

        Args: responds, says whether what is watched answers within so many seconds.
        """
        pause = self.watchdog * SHARE if self.watchdog and self._address else None
        while not stop.wait(pause):
            assert pause is not None
            if responds(pause):
                self._tell("WATCHDOG=1")

    def _tell(self, *news: str) -> None:
        if self._address:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                    sock.setblocking(False)
                    sock.sendto("\n".join(news).encode(), self._address)
            except OSError:
                pass  # it does not listen: that must not end what it has started
