"""Actors in processes of their own, with Pykka's names: how any actor runs.

from peerage.actors.runtime import ProcessActor

class Greeter(ProcessActor):
    def on_receive(self, message):
        return f"hello {message} from {os.getpid()}"

ref = Greeter.start()
print(ref.ask("you"))
ref.stop()
"""

from pykka import ActorRegistry

from .actor import Place, ProcessActor, Starter
from .context import ActorContext, Reply, Timer
from .errors import (
    ActorDeadError,
    ActorStartError,
    AskCycleError,
    FutureCancelledError,
    HostAliveError,
    MailboxFullError,
    RemoteFailureError,
    RemoteTraceback,
    Timeout,
)
from .flow import DROP, FAIL, Wait
from .future import Future
from .message import Frames
from .proxy import ActorProxy
from .ref import ActorRef
from .system import ActorStatistics, System, watch
from .table import HostFacts
from .watch import DownReason, Watch

PROCESS = Place.PROCESS
THREAD = Place.THREAD
HERE = Place.HERE

__all__ = [
    "DROP",
    "FAIL",
    "HERE",
    "PROCESS",
    "THREAD",
    "ActorContext",
    "ActorDeadError",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorStartError",
    "ActorStatistics",
    "AskCycleError",
    "DownReason",
    "Frames",
    "Future",
    "FutureCancelledError",
    "HostAliveError",
    "HostFacts",
    "MailboxFullError",
    "Place",
    "ProcessActor",
    "RemoteFailureError",
    "RemoteTraceback",
    "Reply",
    "Starter",
    "System",
    "Timeout",
    "Timer",
    "Wait",
    "Watch",
    "watch",
]
