"""Actors in processes of their own, with Pykka's names: how any actor runs.

from peerage.actors.runtime import ProcessActor

class Greeter(ProcessActor):
    def on_receive(self, message):
        return f"hello {message} from {os.getpid()}"

ref = Greeter.start()
print(ref.ask("you"))
ref.stop()

What is here, by purpose:

- to write actors: `ProcessActor`, and in them `self.runtime` (`ActorContext`, `Timer`, `Following`, `Reply`);
- to start them: `ProcessActor.options` (`Starter`), `Place` (`PROCESS`, `THREAD`, `HERE`), `System`;
- to talk to them: `ActorRef`, `ActorProxy`, `Future`, `AnswerStream`, `ScheduledTell`; `Frames` and `readonly` for large
  payloads that need no copy; `packed` for a message to many;
- to choose what happens when a mailbox is full: `Wait`, `FAIL`, `DROP`;
- to find them from any process: `Registry`, a name for one actor, and `Group`, a name for many;
- to publish and subscribe: `Topic`, and `Events` by the class of a message;
- to choose what happens when a mailbox is full: `Wait`, `FAIL`, `DROP`; to pass a deadline on: `INHERIT`;
- to hear that one has ended: `watch`, `Watch`, `DownReason`; which hosts there are: `HostFacts`, `ActorStatistics`;
- to see what all of them do: `Observer`, `Observation`, `TreeNode`, `HostFound`, `ActorFacts`, `CrowdFacts`, `ChildFacts`;
  `measure_actors`, `SystemMetrics`, `ClassMetrics`: metrics by class; `trace_actors`: OpenTelemetry's spans;
- what can go wrong: the errors, as a tree in `errors.py`.

A name is imported when it is first used. The fork server is started before anything else and imports the program's modules
while the program does (`processes/prelaunch.py`). If `import peerage.actors.runtime` loaded ZeroMQ and the rest at once,
there would be nothing left to do in parallel.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from peerage.actors.runtime.monkey_patches import refusal as _refusal

if _why := _refusal():
    raise ImportError(_why)

# For type checkers and editors, which cannot see through `__getattr__`. Nothing of this runs.
if TYPE_CHECKING:
    from peerage.actors.runtime.actor import ProcessActor
    from peerage.actors.runtime.cluster.place import RAY
    from peerage.actors.runtime.errors import (
        ActorDeadError,
        ActorStartError,
        AskCycleError,
        CheckpointError,
        ForeignRefError,
        FutureCancelledError,
        HostAliveError,
        LimitReachedError,
        MailboxFullError,
        NameTakenError,
        RegistryFullError,
        RemoteFailureError,
        RemoteTraceback,
        StartLimitError,
        StopIncompleteError,
        StreamLimitError,
        Timeout,
        WorkerDiedError,
        WorkQueueFullError,
    )
    from peerage.actors.runtime.host.child_facts import ChildFacts
    from peerage.actors.runtime.host.context import ActorContext, Reply
    from peerage.actors.runtime.host.loop import Timer
    from peerage.actors.runtime.host.report import ActorFacts, CrowdFacts
    from peerage.actors.runtime.host.watching import Following
    from peerage.actors.runtime.mail.answer_stream import AnswerStream
    from peerage.actors.runtime.mail.codec import Frames, packed
    from peerage.actors.runtime.mail.deadlines import INHERIT
    from peerage.actors.runtime.mail.exit_reason import DownReason
    from peerage.actors.runtime.mail.future import Future, ProcessFuture
    from peerage.actors.runtime.mail.host_table import HostFacts
    from peerage.actors.runtime.mail.memory import readonly
    from peerage.actors.runtime.mail.proxy import ActorProxy
    from peerage.actors.runtime.mail.ref import ActorRef
    from peerage.actors.runtime.mail.scheduled import ScheduledTell
    from peerage.actors.runtime.mail.watches import Watch
    from peerage.actors.runtime.mail.window import DROP, FAIL, Wait, WhenFull
    from peerage.actors.runtime.metrics import ClassMetrics, SystemMetrics, measure_actors
    from peerage.actors.runtime.observation import HostFound, Observation, TreeNode
    from peerage.actors.runtime.observer import Observer
    from peerage.actors.runtime.registration import ActorRegistry
    from peerage.actors.runtime.registry import Group, Registry
    from peerage.actors.runtime.starter import HERE, PROCESS, THREAD, Place, Starter
    from peerage.actors.runtime.system import ActorStatistics, System, watch
    from peerage.actors.runtime.topics import Events, Topic
    from peerage.actors.runtime.tracing import trace_actors

__all__ = [
    "DROP",
    "FAIL",
    "HERE",
    "INHERIT",
    "PROCESS",
    "RAY",
    "THREAD",
    "ActorContext",
    "ActorDeadError",
    "ActorFacts",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorStartError",
    "ActorStatistics",
    "AnswerStream",
    "AskCycleError",
    "CheckpointError",
    "ChildFacts",
    "ClassMetrics",
    "CrowdFacts",
    "DownReason",
    "Events",
    "Following",
    "ForeignRefError",
    "Frames",
    "Future",
    "FutureCancelledError",
    "Group",
    "HostAliveError",
    "HostFacts",
    "HostFound",
    "LimitReachedError",
    "MailboxFullError",
    "NameTakenError",
    "Observation",
    "Observer",
    "Place",
    "ProcessActor",
    "ProcessFuture",
    "Registry",
    "RegistryFullError",
    "RemoteFailureError",
    "RemoteTraceback",
    "Reply",
    "ScheduledTell",
    "StartLimitError",
    "Starter",
    "StopIncompleteError",
    "StreamLimitError",
    "System",
    "SystemMetrics",
    "Timeout",
    "Timer",
    "Topic",
    "TreeNode",
    "Wait",
    "Watch",
    "WhenFull",
    "WorkQueueFullError",
    "WorkerDiedError",
    "measure_actors",
    "packed",
    "readonly",
    "trace_actors",
    "watch",
]

# The module of each name, relative to this package; `pykka` is absolute. It says again what the imports above say, because
# those are not executed: a new name belongs into `__all__`, there and here.
_HOMES = {
    "pykka": ("ActorRegistry",),
    ".actor": ("ProcessActor",),
    ".cluster.place": ("RAY",),
    ".starter": ("HERE", "PROCESS", "THREAD", "Place", "Starter"),
    ".host.child_facts": ("ChildFacts",),
    ".host.report": ("ActorFacts", "CrowdFacts"),
    ".observation": ("HostFound", "Observation", "TreeNode"),
    ".observer": ("Observer",),
    ".host.context": ("ActorContext", "Reply"),
    ".host.watching": ("Following",),
    ".host.loop": ("Timer",),
    ".errors": (
        "ActorDeadError",
        "ActorStartError",
        "AskCycleError",
        "CheckpointError",
        "ForeignRefError",
        "FutureCancelledError",
        "HostAliveError",
        "LimitReachedError",
        "MailboxFullError",
        "NameTakenError",
        "RegistryFullError",
        "RemoteFailureError",
        "RemoteTraceback",
        "StartLimitError",
        "StopIncompleteError",
        "StreamLimitError",
        "Timeout",
        "WorkQueueFullError",
        "WorkerDiedError",
    ),
    ".mail.window": ("DROP", "FAIL", "Wait", "WhenFull"),
    ".mail.future": ("Future", "ProcessFuture"),
    ".mail.answer_stream": ("AnswerStream",),
    ".mail.codec": ("Frames", "packed"),
    ".mail.proxy": ("ActorProxy",),
    ".mail.ref": ("ActorRef",),
    ".metrics": ("ClassMetrics", "SystemMetrics", "measure_actors"),
    ".registry": ("Group", "Registry"),
    ".mail.scheduled": ("ScheduledTell",),
    ".system": ("ActorStatistics", "System", "watch"),
    ".topics": ("Events", "Topic"),
    ".tracing": ("trace_actors",),
    ".mail.host_table": ("HostFacts",),
    ".mail.memory": ("readonly",),
    ".mail.deadlines": ("INHERIT",),
    ".mail.exit_reason": ("DownReason",),
    ".mail.watches": ("Watch",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Kept as a global, so that Python finds it there and does not call this function again.
    value = globals()[name] = getattr(import_module(module, __name__), name)
    return value


def __dir__() -> list[str]:
    # By default it would list what was used so far, and not what there is.
    return sorted(__all__)
