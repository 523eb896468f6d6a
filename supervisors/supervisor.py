"""The supervisor: an actor that starts children, watches them, and does what the strategy decides.

One thing at a time, in this order: the end of a child, a restart that is due, a request. Stopping a child
is waited for by events, not by blocking: ends, timers and questions that arrive meanwhile are kept and
handled in their turn. Starting a child blocks until it lives or failed, as in OTP.

    on_down ──> exits ─┐
    call_later ─> due ─┼─> plan: Terminate, Forget, StartAgain … GiveUp ──> children
    on_receive ─> requests ─┘
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from types import TracebackType
from typing import Any

from pykka.messages import ProxyGetAttr

from peerage.actors.runtime import (
    PROCESS,
    ActorDeadError,
    ActorRef,
    DownReason,
    Future,
    HostAliveError,
    ProcessActor,
    Reply,
    StartLimitError,
    Timeout,
    Timer,
    Watch,
    watch,
)
from peerage.actors.runtime.errors import limit_of, text_of
from peerage.actors.runtime.log import get_logger
from peerage.supervisors.errors import (
    ChildAlreadyPresentError,
    ChildAlreadyStartedError,
    ChildRestartingError,
    ChildRunningError,
    ChildStartError,
    SupervisorError,
    SupervisorGaveUpError,
    UnknownChildError,
)
from peerage.supervisors.messages import (
    ChildCounts,
    ChildInfo,
    CountChildren,
    DeleteChild,
    GetChildSpec,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from peerage.supervisors.spec import (
    BRUTAL_KILL,
    INFINITY,
    ChildSpec,
    ChildType,
    Flags,
    Restart,
    Shutdown,
    check_specs,
)
from peerage.supervisors.strategy import (
    Action,
    ChildState,
    Exit,
    ExitKind,
    Forget,
    GiveUp,
    History,
    Rest,
    ShutDown,
    StartAgain,
    Status,
    Terminate,
    decide,
    is_restarted,
)

log = get_logger("peerage.supervisors")

KILL_WAIT_S = 5.0  # a killed process that is still there by then hangs in the kernel; its parent must not
CAUSE_CHARS = 500  # of a cause kept and logged: an exception's text may hold a whole message
LATE_S = 0.5  # a look this late says more about the supervisor than about the child
PING = ProxyGetAttr(attr_path=("actor_urn",))  # answered by every actor, in the order of its mailbox


@dataclass(slots=True, eq=False)
class _Child:
    """One child. `exit` is set from its end until the strategy has decided on it or something overtook it."""

    spec: ChildSpec
    status: Status = Status.STOPPED
    ref: ActorRef | None = None
    last_ref: ActorRef | None = None  # of the life before
    exit: Exit | None = None
    batch: StartAgain | None = None
    verdict: str | None = None  # why we killed it: a better cause than "process ended by SIGKILL"
    starts: int = 0
    restarts: int = 0
    last_cause: str = ""
    limited_since: float | None = None  # when a limit of the operating system first did not allow its restart
    timers: list[Timer] = field(default_factory=list)
    ping: Future[Any] | None = None
    is_dynamic: bool = False  # one of many without an order: stops beside the others

    def gone(self) -> None:
        """Forget the actor; the spec stays."""
        self.last_ref, self.ref, self.verdict = self.ref, None, None
        self.unwind()

    def unwind(self) -> None:
        """Call off what is due for this life of it: probes, deadlines."""
        self.ping = None
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def rest(self) -> None:
        """Be stopped, with nothing on its way."""
        self.status, self.exit, self.batch, self.limited_since = Status.STOPPED, None, None, None


class Supervisor(ProcessActor):
    """Starts its children in order, restarts them as flags and specs say, stops them in reverse order.

    Usually `Supervisor.options(name="node", place=THREAD).start(specs, flags)`. Requests: messages.py.
    It is an actor like others: it may be another supervisor's child (`type=ChildType.SUPERVISOR`). Stopped or
    failing, it stops all its children first; killed, it takes them along. When it gives up, its DownReason is
    an exception whose text is SupervisorGaveUpError's; to a supervisor above, that is a shutdown, as in OTP.

    Args: children, in start order; flags, OTP's defaults if None.
    Raises (from start): ChildSpecError; ChildStartError when a child does not start: those before it have
    been
        stopped again.
    """

    stops_others = True

    def __init__(self, children: Iterable[ChildSpec] = (), flags: Flags | None = None) -> None:
        super().__init__()
        specs = tuple(children)
        self._flags = flags or Flags()
        check_specs(self._flags, specs)
        self._children = [_Child(spec) for spec in specs]
        self._history = History()
        self._exits: deque[tuple[_Child, Exit]] = deque()
        self._due: deque[StartAgain] = deque()
        self._requests: deque[tuple[Request, Reply]] = deque()
        self._plan: deque[Action] = deque()
        self._stopping: dict[_Child, Callable[[], None]] = {}  # and what to do when it has
        self._advancing = False
        self._ending = False

    # Pykka's hooks

    def on_start(self) -> None:
        for child in self._children:
            try:
                self._start(child)
            except ChildStartError:
                self._terminate_all_now()
                raise

    def on_receive(self, message: Any) -> Any:
        match message:
            case WhichChildren():
                return tuple(_info(child) for child in self._children)
            case CountChildren():
                return self._counts()
            case GetChildSpec(child_id):
                return self._find(child_id).spec
            case StartChild() | TerminateChild() | RestartChild() | DeleteChild():
                self._requests.append((message, self.runtime.defer()))
                self._advance()
                return None
        # A stray message must not take the tree down: an ask is answered with the error, a tell is only
        # logged.
        log.error("unexpected message", supervisor=self.actor_urn, message=type(message).__name__)
        self.runtime.defer().set_exception(TypeError(f"a supervisor has no use for {type(message).__name__}"))
        return None

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        child = next((child for child in self._children if child.ref is not None and child.ref == ref), None)
        if child is None:
            return
        exit_ = _exit_of(child, reason)
        child.gone()
        if child in self._stopping:
            self._stopped(child)
            return
        child.status, child.exit = Status.RESTARTING, exit_
        self._exits.append((child, exit_))
        self._advance()

    def on_stop(self) -> None:
        self._end()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Children must not outlive the one that answers for them. After giving up there are none left.
        self._end()

    # The queue of things to do

    def _advance(self) -> None:
        """Work until there is nothing to do, or until a child that is being stopped must be waited for."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while not self._ending and not self._stopping:
                if self._plan:
                    self._do(self._plan.popleft())
                elif not self._take_next():
                    break
        finally:
            self._advancing = False

    def _take_next(self) -> bool:
        if self._exits:
            child, exit_ = self._exits.popleft()
            if child.exit is not exit_:
                pass  # overtaken: restarted with a sibling, terminated by request
            elif self.runtime.system_is_ending:
                self._leave_be(child, exit_)
            else:
                self._decide(exit_)
        elif self._due:
            self._start_batch(self._due.popleft())
        elif self._requests:
            request, reply = self._requests.popleft()
            try:
                self._grant(request, reply)
            except SupervisorError as error:
                reply.set_exception(error)
            except Exception as error:  # whoever asks gets to know it; the children are no less well for it
                log.exception("request failed", supervisor=self.actor_urn, request=type(request).__name__)
                reply.set_exception(error)
        else:
            return False
        return True

    def _decide(self, exit_: Exit) -> None:
        states = [ChildState(child.spec, child.status) for child in self._children]
        decision = decide(self._flags, states, self._history, exit_, self.runtime.now())
        self._history = decision.history
        self._plan.extend(decision.actions)

    def _leave_be(self, child: _Child, exit_: Exit) -> None:
        """Nobody is restarted while the system ends, nor does a significant child end us: we are stopped in our turn.

        Who would have been restarted counts as undone then.
        """
        self._log_left(child)
        if not is_restarted(child.spec.restart, exit_.kind):
            child.rest()

    def _do(self, action: Action) -> None:
        match action:
            case Terminate(child_id):
                child = self._find(child_id)
                self._terminate(child, _nothing)
                while child.is_dynamic and (beside := self._planned_beside()) is not None:
                    self._terminate(beside, _nothing)
            case Forget(child_id):
                child = self._find(child_id)
                self._log_left(child)
                child.rest()
                self._children.remove(child)
            case Rest(child_id):
                child = self._find(child_id)
                self._log_left(child)
                child.rest()
            case StartAgain():
                self._start_again(action)
            case GiveUp(child_id, cause, attempts):
                self._give_up(child_id, cause, attempts)
            case ShutDown(child_id):
                log.info("shutting down with a significant child", supervisor=self.actor_urn, child=child_id)
                self._ending = True
                self._refuse_requests()
                self.stop()

    def _planned_beside(self) -> _Child | None:
        """The dynamic child, taken from the plan, that is to be terminated next, if one is."""
        match self._plan[0] if self._plan else None:
            case Terminate(child_id) if (child := self._find(child_id)).is_dynamic:
                self._plan.popleft()
                return child
        return None

    def _log_left(self, child: _Child) -> None:
        if child.exit is not None and child.exit.kind is ExitKind.ABNORMAL:
            log.error("child ended", supervisor=self.actor_urn, child=child.spec.id, cause=child.exit.cause)

    def _give_up(self, child_id: str, cause: str, attempts: int) -> None:
        intensity = self._flags.intensity
        error = SupervisorGaveUpError(
            self.actor_urn, child_id, cause, attempts, intensity.restarts, intensity.period
        )
        log.error(
            "supervisor gives up", supervisor=self.actor_urn, child=child_id, cause=cause, attempt=attempts
        )
        self._ending = True
        self._refuse_requests()
        # From a callback of its own: raised while answering an ask, the error would go to the asker instead.
        self.runtime.call_soon(_raise, error)

    # Starting

    def _start(self, child: _Child) -> ActorRef:
        """Start a child and watch it. Raises: ChildStartError."""
        spec = child.spec
        options = {**spec.start.options, "name": spec.name, "linked_to": self.actor_ref}
        try:
            ref = spec.start.actor_class.options(**options).start(*spec.start.args, **spec.start.kwargs)
        except (Exception, SystemExit) as error:  # SystemExit: of a child in this very host
            raise ChildStartError(spec.id, _text_of(error)) from error
        try:
            self.runtime.watch(ref)
        except Exception as error:  # whose end would not be heard of
            _kill_process(ref)
            raise ChildStartError(spec.id, _text_of(error)) from error
        child.ref, child.status, child.exit, child.batch = ref, Status.RUNNING, None, None
        child.starts += 1
        child.limited_since = None
        if spec.health is not None:
            self._examine_later(child)
        return ref

    def _start_anew(self, child: _Child) -> None:
        """Start a child that has ended. Raises: ChildStartError.

        Actors that it started beside itself may keep its process alive. A child's process is the child's: what is left of
        it is killed, or the name would never be free again.
        """
        try:
            self._start(child)
        except ChildStartError as error:
            last, cause = child.last_ref, error.__cause__
            if last is None or not isinstance(cause, HostAliveError) or cause.serial != last.serial:
                raise
            if not _kill_process(last):
                raise
            self._start(child)

    def _start_again(self, again: StartAgain) -> None:
        for child_id in again.children:
            child = self._find(child_id)
            child.status, child.exit, child.batch = Status.RESTARTING, None, again
        if again.delay > 0:
            self.runtime.call_later(again.delay, self._restart_due, again)
        else:
            self._start_batch(again)

    def on_child_restarted(self, child_id: str, cause: str) -> None:
        """Called after each restart, for supervisors that report it. What it raises ends the supervisor."""

    def on_child_undone(self, child_id: str, cause: str) -> None:
        """Called while the supervisor ends, for each child that could not do what it owed at its end: it was killed
        because it took too long, it failed, or it was just being restarted. Must not raise.
        """

    def _restart_due(self, again: StartAgain) -> None:
        self._due.append(again)
        self._advance()

    def _start_batch(self, again: StartAgain) -> None:
        """Start those that still wait for this restart: a request or a newer restart may have taken some
        away.
        """
        if self.runtime.system_is_ending:
            return
        for child in [child for child in self._children if child.batch is again]:
            spec = child.spec
            began = self.runtime.now()
            try:
                self._start_anew(child)
            except ChildStartError as error:
                self._start_failed(child, error, began)
                return
            child.restarts += 1
            child.last_cause = again.cause if spec.id == again.trigger else f"restarted with {again.trigger}"
            log.warning(
                "child restarted",
                supervisor=self.actor_urn,
                child=spec.id,
                cause=child.last_cause,
                attempt=again.attempt,
                waited=again.delay,
            )
            self.on_child_restarted(spec.id, child.last_cause)

    def _start_failed(self, child: _Child, error: ChildStartError, began: float) -> None:
        """The next end in the queue. Whoever is behind it in its batch is in its group as well."""
        if self.runtime.system_is_ending:
            return  # that is why
        was_limited = child.limited_since is not None
        child.exit = self._exit_of_start(child, error, began)
        # What a limit holds up is tried again and again, and said once.
        say = log.debug if was_limited and child.exit.kind is ExitKind.LIMITED else log.error
        say("child did not start", supervisor=self.actor_urn, child=child.spec.id, cause=error.cause)
        self._exits.append((child, child.exit))

    def _exit_of_start(self, child: _Child, error: ChildStartError, began: float) -> Exit:
        now = self.runtime.now()
        if not _is_limit(error.__cause__):
            child.limited_since = None
            return Exit(child.spec.id, ExitKind.START_FAILED, error.cause, now - began)
        if child.limited_since is None:
            child.limited_since = began
        return Exit(child.spec.id, ExitKind.LIMITED, error.cause, now - began, now - child.limited_since)

    # Stopping

    def _terminate(self, child: _Child, done: Callable[[], None]) -> None:
        """Stop a child, then call `done`; `_advance` goes on behind it."""
        child.rest()
        child.unwind()
        if child.ref is None:
            done()
            return
        self._stopping[child] = done
        shutdown = child.spec.shutdown
        if shutdown is BRUTAL_KILL and _has_own_process(child):
            self._kill(child)
            return
        child.ref.stop(block=False)
        if shutdown is not INFINITY:
            seconds = _seconds_of(shutdown)
            child.timers.append(self.runtime.call_later(seconds, self._kill_overdue, child, seconds))

    def _stopped(self, child: _Child) -> None:
        done = self._stopping.pop(child, _nothing)
        child.rest()
        done()
        self._advance()

    def _kill_overdue(self, child: _Child, seconds: float) -> None:
        log.warning("child killed", supervisor=self.actor_urn, child=child.spec.id, cause=_overdue(seconds))
        self._kill(child)

    def _kill(self, child: _Child) -> None:
        """Kill a child's process; whoever cannot be killed is given up on after a while."""
        ref = child.ref
        if ref is None:
            return
        _kill_process(ref)
        if child in self._stopping:
            child.timers.append(self.runtime.call_later(KILL_WAIT_S, self._abandon, child))

    def _abandon(self, child: _Child) -> None:
        if child.ref is None:
            return
        # A thread cannot be killed. Its name stays taken, so that a restart fails, counts, and escalates.
        log.error("child cannot be ended", supervisor=self.actor_urn, child=child.spec.id)
        self.runtime.unwatch(child.ref)
        child.gone()
        self._stopped(child)

    def _end(self) -> None:
        self._ending = True
        self._refuse_requests()
        self._terminate_all_now()

    def _terminate_all_now(self) -> None:
        """Stop all children, last started first, blocking: at the end of the supervisor nobody waits for
        it.
        """
        for group in _stopped_together(self._children):
            self._terminate_now([(child, child.ref) for child in group if child.ref is not None])
            for child in group:
                if child.ref is not None:
                    child.gone()
                elif child.status is Status.RESTARTING:
                    self.on_child_undone(child.spec.id, "it was not running")
                child.rest()

    def _terminate_now(self, living: list[tuple[_Child, ActorRef]]) -> None:
        """Stop these children side by side, each in its own shutdown time."""
        due: list[tuple[float, _Child, Watch]] = []
        killed: list[Watch] = []
        for child, ref in living:
            ended, shutdown = watch(ref), child.spec.shutdown
            if shutdown is BRUTAL_KILL and _has_own_process(child):
                _kill_process(ref)
                killed.append(ended)
                continue
            ref.stop(block=False)
            seconds = inf if shutdown is INFINITY else _seconds_of(shutdown)
            due.append((self.runtime.now() + seconds, child, ended))
        for deadline, child, ended in sorted(due, key=itemgetter(0)):
            try:
                reason = ended.wait(None if deadline == inf else max(0.0, deadline - self.runtime.now()))
            except Timeout:
                cause = _overdue(_seconds_of(child.spec.shutdown))
                log.warning("child killed", supervisor=self.actor_urn, child=child.spec.id, cause=cause)
                self.on_child_undone(child.spec.id, cause)
                _kill_process(ended.ref)
                killed.append(ended)
            else:
                if reason.kind not in ("normal", "shutdown"):
                    self.on_child_undone(child.spec.id, str(reason)[:CAUSE_CHARS])
        patience = self.runtime.now() + KILL_WAIT_S
        for ended in killed:
            try:
                ended.wait(max(0.0, patience - self.runtime.now()))
            except Timeout:
                log.error("child cannot be ended", supervisor=self.actor_urn, child=ended.ref.name)

    # Requests

    def _grant(self, request: Request, reply: Reply) -> None:
        match request:
            case StartChild(spec):
                reply.set(self._add(spec))
            case TerminateChild(child_id):
                child = self._find(child_id)

                def done() -> None:
                    if child.spec.restart is Restart.TEMPORARY:
                        self._children.remove(child)
                    reply.set(None)

                self._terminate(child, done)
            case RestartChild(child_id):
                reply.set(self._start(self._find_stopped(child_id)))
            case DeleteChild(child_id):
                self._children.remove(self._find_stopped(child_id))
                reply.set(None)

    def _add(self, spec: ChildSpec) -> ActorRef:
        for child in self._children:
            if child.spec.id == spec.id:
                running = child.status is not Status.STOPPED
                raise ChildAlreadyStartedError(spec.id) if running else ChildAlreadyPresentError(spec.id)
        check_specs(self._flags, [*(child.spec for child in self._children), spec])
        child = _Child(spec, is_dynamic=spec.is_instance)
        ref = self._start(child)
        self._children.append(child)
        return ref

    def _refuse_requests(self) -> None:
        while self._requests:
            _request, reply = self._requests.popleft()
            reply.set_exception(ActorDeadError(f"supervisor {self.actor_urn} has ended"))

    def _find(self, child_id: str) -> _Child:
        for child in self._children:
            if child.spec.id == child_id:
                return child
        raise UnknownChildError(child_id)

    def _find_stopped(self, child_id: str) -> _Child:
        child = self._find(child_id)
        if child.status is Status.RUNNING:
            raise ChildRunningError(child_id)
        if child.status is Status.RESTARTING:
            raise ChildRestartingError(child_id)
        return child

    def _counts(self) -> ChildCounts:
        supervisors = sum(child.spec.type is ChildType.SUPERVISOR for child in self._children)
        return ChildCounts(
            specs=len(self._children),
            active=sum(child.status is Status.RUNNING for child in self._children),
            supervisors=supervisors,
            workers=len(self._children) - supervisors,
        )

    # Health

    def _examine_later(self, child: _Child) -> None:
        health = child.spec.health
        assert health is not None
        child.timers.append(self.runtime.call_later(health.every, self._examine, child, child.starts))

    def _examine(self, child: _Child, start: int) -> None:
        """Look at a child once: memory now, a ping with its deadline; then again after a while."""
        health, ref = child.spec.health, child.ref
        if health is None or ref is None or child.starts != start:
            return
        child.timers.clear()  # this one has fired
        if health.max_rss is not None and (used := _rss_of(ref)) > health.max_rss:
            self._condemn(child, f"memory: {used} bytes resident, {health.max_rss} allowed")
            return
        if health.deadline is not None and (child.ping is None or child.ping.is_ready()):
            # Exempt from the window: a full mailbox must not make its supervisor wait.
            child.ping = ref.ask(PING, block=False, exempt=True)
            self._await_answer(child, child.ping, health.deadline)
        self._examine_later(child)

    def _await_answer(self, child: _Child, ping: Future[Any], deadline: float) -> None:
        due = self.runtime.now() + deadline
        self.runtime.call_later(deadline, self._answered, child, ping, due)

    def _answered(self, child: _Child, ping: Future[Any], due: float) -> None:
        # The identity says that it is still the same life of the child, and that nobody is stopping it.
        # An error as answer is its end: told by on_down.
        health = child.spec.health
        if child.ping is not ping or ping.is_ready() or health is None or health.deadline is None:
            return
        if self.runtime.now() > due + LATE_S:
            # This process itself stood still (Ctrl-Z, a debugger, a starved machine), and so perhaps did the child.
            self._await_answer(child, ping, health.deadline)
            return
        self._condemn(child, f"hung: no answer within {health.deadline:g} s")

    def _condemn(self, child: _Child, verdict: str) -> None:
        if child.verdict is None:
            child.verdict = verdict
            log.error("child killed", supervisor=self.actor_urn, child=child.spec.id, cause=verdict)
            self._kill(child)


def _stopped_together(children: Sequence[_Child]) -> Iterator[list[_Child]]:
    """Children in the order they stop in, last started first: one by one, dynamic neighbours together."""
    group: list[_Child] = []
    for child in reversed(children):
        if group and not (child.is_dynamic and group[-1].is_dynamic):
            yield group
            group = []
        group.append(child)
    if group:
        yield group


def _exit_of(child: _Child, reason: DownReason) -> Exit:
    cause = (child.verdict or str(reason))[:CAUSE_CHARS]
    match reason.kind:
        case "normal":
            kind = ExitKind.NORMAL
        case "shutdown":
            kind = ExitKind.SHUTDOWN
        case "exception" if reason.text.startswith(f"{SupervisorGaveUpError.__name__}:"):
            kind = ExitKind.SHUTDOWN  # OTP: a supervisor that gives up ends with reason shutdown
        case _:
            kind = ExitKind.ABNORMAL
    return Exit(child.spec.id, kind if child.verdict is None else ExitKind.ABNORMAL, cause)


def _is_limit(cause: BaseException | None) -> bool:
    """Whether a start found no room: no process, or no thread for what the child does beside its loop."""
    return isinstance(cause, StartLimitError) or (isinstance(cause, RuntimeError) and bool(limit_of(cause)))


def _has_own_process(child: _Child) -> bool:
    return child.spec.start.options.get("place", PROCESS) is PROCESS


def _kill_process(ref: ActorRef) -> bool:
    """Kill the process of an actor. Returns: False when it has none that may be killed."""
    try:
        if ref.pid() == os.getpid():
            return False
        ref.kill()
    except (ActorDeadError, Timeout, OSError):
        return False
    return True


def _rss_of(ref: ActorRef) -> int:
    """Return the resident bytes of an actor's process; 0 when it is gone or is ours."""
    try:
        pid = ref.pid()
        if pid == os.getpid():
            return 0
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:  # noqa: PTH123 - a read of /proc, often
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (ActorDeadError, Timeout, OSError):
        return 0


def _info(child: _Child) -> ChildInfo:
    return ChildInfo(
        id=child.spec.id,
        name=child.spec.name,
        status=child.status,
        ref=child.ref if child.status is Status.RUNNING else None,
        type=child.spec.type,
        restart=child.spec.restart,
        restarts=child.restarts,
        last_cause=child.last_cause,
    )


def _seconds_of(shutdown: float | Shutdown | None) -> float:
    """How long a child may take that cannot be killed at once; not for INFINITY."""
    return 0.0 if isinstance(shutdown, Shutdown) or shutdown is None else shutdown


def _overdue(seconds: float) -> str:
    return f"not stopped within {seconds:g} s"


def _text_of(error: BaseException) -> str:
    return text_of(error)[:CAUSE_CHARS]


def _nothing() -> None:
    """What is to be done when nobody waits."""


def _raise(error: BaseException) -> None:
    raise error
