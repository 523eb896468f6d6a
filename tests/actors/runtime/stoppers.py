"""Actors that write down that they stop, for tests of how a system ends."""

from __future__ import annotations

import os
import time
from typing import Any

from peerage.actors.runtime import ProcessActor, System


class Stopper(ProcessActor):
    """Writes its name into a pipe when it stops, sleeps before if it is told to; starts others."""

    def __init__(self, out: int, seconds: float = 0.0) -> None:
        super().__init__()
        self._out, self._seconds = out, seconds

    def on_receive(self, message: Any) -> Any:
        match message:
            case "sleep", seconds:
                self._seconds = seconds
            case "start", cls, options, args:
                return cls.options(**options).start(self._out, *args)
            case "shutdown":
                System.current().shutdown(grace=0.2)
        return None

    def on_stop(self) -> None:
        time.sleep(self._seconds)
        os.write(self._out, f"{self.actor_urn}\n".encode())


class Patient(Stopper):
    """One that is waited for."""

    stops_others = True


class Outlet(Stopper):
    """In a process: its pipe is passed."""

    def __init__(self, _out: int, seconds: float = 0.0) -> None:
        super().__init__(self.runtime.fds["out"], seconds)


class PatientOutlet(Outlet):
    stops_others = True
