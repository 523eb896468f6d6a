"""What a supervisor is told about its children: child specs and its own flags. OTP's words and defaults.

Everything here is a value: checked when built, picklable, never changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from peerage.actors.runtime import ProcessActor
from peerage.actors.runtime.named_actor import NamedActor
from peerage.supervisors.errors import ChildSpecError
from peerage.supervisors.intensity import Backoff, Intensity, is_amount

DEFAULT_SHUTDOWN_S: Final = 5.0  # OTP's default for workers: 5000 ms


class Restart(Enum):
    """After which ends a child is restarted."""

    PERMANENT = "permanent"  # every end
    TRANSIENT = "transient"  # abnormal ends only; after others the spec stays, for a restart by request
    TEMPORARY = "temporary"  # no end; the spec is forgotten with the child


class ChildType(Enum):
    """Whether a child is itself a supervisor, which decides its default shutdown time and what it is counted as."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


class Shutdown(Enum):
    """The two shutdown times that are not a number of seconds."""

    BRUTAL_KILL = "brutal_kill"  # killed at once, without being asked to stop
    INFINITY = "infinity"  # asked to stop, then waited for as long as it takes


BRUTAL_KILL: Final = Shutdown.BRUTAL_KILL
INFINITY: Final = Shutdown.INFINITY


class Strategy(Enum):
    """Which other children are restarted with one that has ended."""

    ONE_FOR_ONE = "one_for_one"  # none
    ONE_FOR_ALL = "one_for_all"  # all other children
    REST_FOR_ONE = "rest_for_one"  # the children that were started after it


class AutoShutdown(Enum):
    """Whether the supervisor ends itself when significant children end by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """When a child that has not ended is taken for lost and killed, which is an abnormal end.

    every: seconds between two looks, more than 0.
    deadline: seconds that a ping through its mailbox may take; None sends none. A child that handles one message for
        longer, or blocks in an ask for longer, is taken for hung: choose a time above that of the slowest message.
    max_rss: bytes of resident memory that its process may use; None for no limit. Only for children in a process of their
        own.
    """

    every: float = 5.0
    deadline: float | None = 10.0
    max_rss: int | None = None

    def __post_init__(self) -> None:
        if not (is_amount(self.every) and self.every > 0):
            raise ChildSpecError("(health)", "health.every", repr(self.every), "seconds, more than 0")
        if self.deadline is not None and not (is_amount(self.deadline) and self.deadline > 0):
            raise ChildSpecError(
                "(health)", "health.deadline", repr(self.deadline), "seconds, more than 0, or None"
            )
        if self.max_rss is not None and not (is_amount(self.max_rss) and self.max_rss > 0):
            raise ChildSpecError(
                "(health)", "health.max_rss", repr(self.max_rss), "bytes, more than 0, or None"
            )


@dataclass(frozen=True, slots=True)
class Start:
    """How a child is started: `actor_class.options(**options).start(*args, **kwargs)`.

    actor_class: the class, or a NamedActor, so that the supervisor's process need not import it.
    options: name, place, host, fds, extra, start_timeout, as ProcessActor.options takes them. The name is the child's id by
    default; it is the same after a restart, so refs stay valid. `fds` must be open in the supervisor's process for as long
    as the child may be restarted.
    """

    actor_class: type[ProcessActor] | NamedActor
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, actor_class: type[ProcessActor] | NamedActor, *args: Any, **kwargs: Any) -> "Start":
        """Return the start of `actor_class` with these constructor arguments."""
        return cls(actor_class, args, kwargs)

    def using(self, **options: Any) -> "Start":
        """Return the same start with further options: name, place, host, fds, extra, start_timeout."""
        return replace(self, options={**self.options, **options})


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child of a supervisor.

    id: unique within the supervisor, not empty.
    start: how to start it.
    restart: permanent (default), transient or temporary.
    shutdown: seconds between being asked to stop and being killed; BRUTAL_KILL; INFINITY. None takes OTP's default: 5 s for
        a worker, INFINITY for a supervisor.
    type: worker or supervisor.
    significant: its end by itself may end the supervisor (AutoShutdown); not for permanent children.
    health: probes for hangs and memory, off by default.
    is_instance: made from a template by `instance`. Added with start_child, such children have no order among
        themselves: they stop side by side, each in its own shutdown time.
    """

    id: str
    start: Start
    restart: Restart = Restart.PERMANENT
    shutdown: float | Shutdown | None = None
    type: ChildType = ChildType.WORKER
    significant: bool = False
    health: HealthCheck | None = None
    is_instance: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise ChildSpecError(str(self.id), "id", repr(self.id), "text that is not empty")
        if not isinstance(self.start, Start):
            raise ChildSpecError(self.id, "start", repr(self.start), "a Start")
        actor_class = self.start.actor_class
        if not isinstance(actor_class, NamedActor) and not (
            isinstance(actor_class, type) and issubclass(actor_class, ProcessActor)
        ):
            raise ChildSpecError(
                self.id, "start.actor_class", repr(actor_class), "a subclass of ProcessActor"
            )
        for name, kind in (("restart", Restart), ("type", ChildType)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ChildSpecError(self.id, name, repr(value), f"one of {', '.join(map(str, kind))}")
        if self.health is not None and not isinstance(self.health, HealthCheck):
            raise ChildSpecError(self.id, "health", repr(self.health), "a HealthCheck or None")
        if self.significant and self.restart is Restart.PERMANENT:
            raise ChildSpecError(self.id, "significant", "True", "False for a permanent child")
        if self.shutdown is None:
            default = INFINITY if self.type is ChildType.SUPERVISOR else DEFAULT_SHUTDOWN_S
            object.__setattr__(self, "shutdown", default)  # frozen: the one place that completes the value
        elif not isinstance(self.shutdown, Shutdown) and not is_amount(self.shutdown):
            raise ChildSpecError(
                self.id, "shutdown", repr(self.shutdown), "seconds, 0 or more, BRUTAL_KILL or INFINITY"
            )

    @property
    def name(self) -> str:
        """The actor's name: the start's option `name`, else the id."""
        return str(self.start.options.get("name") or self.id)

    def instance(self, child_id: str, *args: Any, **kwargs: Any) -> "ChildSpec":
        """Return a spec made from this one as a template: it has its own id, and so its own name, and further arguments
        behind the template's.

        With start_child, this does what simple_one_for_one does in OTP.
        """
        start = replace(
            self.start,
            args=(*self.start.args, *args),
            kwargs={**self.start.kwargs, **kwargs},
            options={key: value for key, value in self.start.options.items() if key not in ("name", "host")},
        )
        return replace(self, id=child_id, start=start, is_instance=True)


@dataclass(frozen=True, slots=True)
class Flags:
    """What a supervisor does when its children end. The defaults are OTP's, except the back-off, which OTP does not have."""

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = field(default_factory=Intensity)
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        for name, kind in (("strategy", Strategy), ("auto_shutdown", AutoShutdown)):
            value = getattr(self, name)
            if not isinstance(
                value, kind
            ):  # text of the same look, above all, which would equal none of them
                allowed = f"one of {', '.join(map(str, kind))}"
                raise ChildSpecError("(supervisor)", name, repr(value), allowed)
        if not isinstance(self.intensity, Intensity):
            raise ChildSpecError("(supervisor)", "intensity", repr(self.intensity), "an Intensity")
        if not isinstance(self.backoff, Backoff):
            raise ChildSpecError("(supervisor)", "backoff", repr(self.backoff), "a Backoff")


def check_specs(flags: Flags, specs: Sequence[ChildSpec]) -> None:
    """Check what a single spec cannot know: that ids and names are unique, and that a significant child has a meaning.

    Raises: ChildSpecError for the first rule that is broken.
    """
    if not isinstance(flags, Flags):
        raise ChildSpecError("(supervisor)", "flags", repr(flags), "a Flags")
    ids: set[str] = set()
    names: set[str] = set()
    for spec in specs:
        if not isinstance(spec, ChildSpec):
            raise ChildSpecError("(unknown)", "spec", repr(spec), "a ChildSpec")
        if spec.id in ids:
            raise ChildSpecError(spec.id, "id", "used twice", "one child per id")
        if spec.name in names:
            raise ChildSpecError(
                spec.id, "start.options['name']", f"{spec.name!r}, used twice", "one child per name"
            )
        if spec.significant and flags.auto_shutdown is AutoShutdown.NEVER:
            raise ChildSpecError(spec.id, "significant", "True", "False while auto_shutdown is never")
        ids.add(spec.id)
        names.add(spec.name)
