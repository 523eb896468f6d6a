"""The supervisor: an actor that starts children, watches them, and does what the strategy decides.

It waits for nothing but its first children, which start one after the other in processes that are made side by side, and its
own end. Ends of children, starts,
timers and questions are events; what they call for is done one thing after the other.

    on_down ─────> ends ─┐
    call_later ──> due  ─┼─> plan: Terminate, Forget, StartAgain … GiveUp ──> launcher, stopper ──> children
    on_receive ─> asked ─┘

While a child is being stopped, everything but questions waits for it. While one starts, only what has to come after it
waits: with one_for_all and rest_for_one all other starts, with one_for_one nothing.
"""

from collections.abc import Iterable
from itertools import islice
from types import TracebackType
from typing import Any

from peerage.actors.runtime import ActorDeadError, ActorRef, DownReason, ProcessActor
from peerage.actors.runtime.log import get_logger
from peerage.supervisors.agenda import Agenda, Asked, Due, Ended, Entry, Reply
from peerage.supervisors.child import Child, Children
from peerage.supervisors.errors import ChildSpecError, ChildStartError, SupervisorError, SupervisorGaveUpError
from peerage.supervisors.final_stop import FinalStop
from peerage.supervisors.health import probe_health
from peerage.supervisors.intensity import History
from peerage.supervisors.launching import Launcher, is_limit
from peerage.supervisors.messages import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RenewChild,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from peerage.supervisors.renewal import Renewals
from peerage.supervisors.spec import ChildSpec, Flags, Restart, Strategy, check_specs
from peerage.supervisors.stopping import Stopper
from peerage.supervisors.strategy import (
    Action,
    Exit,
    ExitKind,
    Forget,
    GiveUp,
    Rest,
    ShutDown,
    StartAgain,
    Status,
    Terminate,
    decide,
    is_restarted,
)

log = get_logger("peerage.supervisors")

HELD_AHEAD = 8  # children whose processes are made while those before them start


class Supervisor(ProcessActor):
    """Starts its children in order, restarts them as flags and specs say, stops them in reverse order.

    Usually `Supervisor.options(name="node", place=THREAD).start(specs, flags)`. Requests: messages.py.
    It is an actor like others: it may be another supervisor's child (`type=ChildType.SUPERVISOR`). When it stops or fails,
    it stops all its children first; when it is killed, they end with it. When it gives up, its DownReason is an exception
    whose text is SupervisorGaveUpError's; to a supervisor above, that is a shutdown, as in OTP.

    Args: children, in start order; flags, OTP's defaults if None.
    Raises (from start): ChildSpecError; ChildStartError when a child does not start: those before it have been stopped
        again.
    """

    stops_others = True

    def __init__(self, children: Iterable[ChildSpec] = (), flags: Flags | None = None) -> None:
        super().__init__()
        if not isinstance(children, Iterable):
            raise ChildSpecError("(supervisor)", "children", repr(children), "a list of ChildSpec")
        specs = tuple(children)
        self._flags = flags or Flags()
        check_specs(self._flags, specs)
        self._children = Children(specs)
        self.which_children = self._children.facts
        self._history = History()
        self._agenda = Agenda()
        self._launcher = Launcher(self.actor_ref, self.runtime.watch)
        self._stopper = Stopper(self.actor_urn, self.runtime, self.runtime.unwatch)
        self._renewals = Renewals(
            self._launcher,
            self._stopper,
            now=self.runtime.now,
            may_start=lambda: not (self._ending or self.runtime.system_is_ending),
            came_up=lambda child: probe_health(child, self.actor_urn, self.runtime, self._stopper.kill),
            failed=self._restart_failed,
            advance=self._advance,
        )
        self._advancing = False
        self._ending = False

    def on_child_restarted(self, child_id: str, cause: str) -> None:
        """Called after each restart, for supervisors that report it. What it raises ends the supervisor."""

    def on_child_undone(self, child_id: str, cause: str) -> None:
        """Called while the supervisor ends, for each child that could not do what it owed at its end: it was killed
        because it took too long, it failed, or it was just being restarted. Must not raise.
        """

    # Pykka's hooks

    def on_start(self) -> None:
        held = iter(self._children)
        for child in islice(held, HELD_AHEAD):
            self._launcher.hold(child)
        for child in self._children:
            for other in islice(held, 1):
                self._launcher.hold(other)
            try:
                self._launcher.start(child)
            except ChildStartError:
                self._launcher.let_go()
                self._end()
                raise
            probe_health(child, self.actor_urn, self.runtime, self._stopper.kill)

    def on_receive(self, message: Any) -> Any:
        match message:
            case WhichChildren():
                return self._children.infos()
            case CountChildren():
                return self._children.counts()
            case GetChildSpec(child_id):
                return self._children.find(child_id).spec
            case StartChild() | TerminateChild() | RestartChild() | RenewChild() | DeleteChild():
                self._agenda.add_request(message, self.runtime.defer())
                self._advance()
                return None
        # A stray message must not take the tree down: an ask is answered with the error, a tell is only
        # logged.
        log.error("unexpected message", supervisor=self.actor_urn, message=type(message).__name__)
        self.runtime.defer().set_exception(TypeError(f"a supervisor has no use for {type(message).__name__}"))
        return None

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        child = self._children.of(ref)
        if child is None:
            return
        exit_ = child.end_for(reason)
        if self._stopper.is_stopping(child):
            self._stopper.ended(child)
        else:
            child.gone()
            child.status, child.exit = Status.RESTARTING, exit_
            self._agenda.add_end(child, exit_)
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

    # One thing after the other

    def _advance(self) -> None:
        """Work until there is nothing to do, or until a child that is being stopped must be waited for."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while not self._ending and not self._stopper.is_busy:
                in_order = self._flags.strategy is not Strategy.ONE_FOR_ONE
                entry = self._agenda.next(starts_wait=in_order and self._children.any_starting)
                if entry is None:
                    break
                self._take(entry)
        finally:
            self._advancing = False

    def _take(self, entry: Entry) -> None:
        match entry:
            case Ended(child, exit_):
                if child.exit is not exit_:
                    pass  # overtaken: restarted with a sibling, terminated by request
                elif self.runtime.system_is_ending:
                    self._leave_be(child, exit_)
                else:
                    self._decide(exit_)
            case Due(again):
                self._start_next(again)
            case Asked(request, reply):
                self._serve(request, reply)
            case _:
                self._do(entry)

    def _decide(self, exit_: Exit) -> None:
        now = self.runtime.now()
        decision = decide(self._flags, self._children.states(), self._history, exit_, now)
        self._history = decision.history
        self._agenda.plan(decision.actions)

    def _leave_be(self, child: Child, exit_: Exit) -> None:
        """While the system ends, nobody is restarted, and no significant child ends us: we are stopped in our turn.

        A child that would have been restarted counts as undone then.
        """
        _log_left(child, self.actor_urn)
        if not is_restarted(child.spec.restart, exit_.kind):
            child.rest()

    def _do(self, action: Action) -> None:
        match action:
            case Terminate(child_id):
                child = self._children.find(child_id)
                self._stopper.stop(child, self._advance)
                while child.is_dynamic and (beside := self._agenda.next_termination(self._is_dynamic)):
                    self._stopper.stop(self._children.find(beside), self._advance)
            case Forget(child_id):
                child = self._children.find(child_id)
                _log_left(child, self.actor_urn)
                child.rest()
                self._children.remove(child)
            case Rest(child_id):
                child = self._children.find(child_id)
                _log_left(child, self.actor_urn)
                child.rest()
            case StartAgain():
                self._start_again(action)
            case GiveUp(child_id, cause, attempts):
                self._give_up(child_id, cause, attempts)
            case ShutDown(child_id):
                log.info("shutting down with a significant child", supervisor=self.actor_urn, child=child_id)
                self._refuse_requests()
                self.stop()

    def _is_dynamic(self, child_id: str) -> bool:
        return self._children.find(child_id).is_dynamic

    def _give_up(self, child_id: str, cause: str, attempts: int) -> None:
        intensity = self._flags.intensity
        error = SupervisorGaveUpError(
            self.actor_urn, child_id, cause, attempts, intensity.restarts, intensity.period
        )
        log.error(
            "supervisor gives up", supervisor=self.actor_urn, child=child_id, cause=cause, attempt=attempts
        )
        self._refuse_requests()
        # From a callback of its own: raised while answering an ask, the error would go to the asker instead.
        self.runtime.call_soon(_raise, error)

    # Starting

    def _start_again(self, again: StartAgain) -> None:
        for child_id in again.children:
            child = self._children.find(child_id)
            child.status, child.exit, child.batch = Status.RESTARTING, None, again
        if again.delay > 0:
            self.runtime.call_later(again.delay, self._restart_due, again)
        else:
            self._agenda.go_on(again)

    def _restart_due(self, again: StartAgain) -> None:
        self._agenda.add_due(again)
        self._advance()

    def _start_next(self, again: StartAgain) -> None:
        """Start the next of those that wait for this restart; when it has come up, the one behind it is next."""
        child = self._children.waiting_for(again)
        if child is None or self.runtime.system_is_ending:
            return
        began = self.runtime.now()

        def over(child: Child, error: ChildStartError | None) -> None:
            if self._stopper.is_stopping(child):
                self._stopper.start_is_over(child)
            elif error is None:
                self._restarted(child, again)
            else:
                self._restart_failed(child, error, began)
            self._advance()

        self._launcher.begin(child, over, anew=True)

    def _restarted(self, child: Child, again: StartAgain) -> None:
        child_id = child.spec.id
        child.restarts += 1
        child.last_cause = again.cause if child_id == again.trigger else f"restarted with {again.trigger}"
        log.warning(
            "child restarted",
            supervisor=self.actor_urn,
            child=child_id,
            cause=child.last_cause,
            attempt=again.attempt,
            waited=again.delay,
        )
        probe_health(child, self.actor_urn, self.runtime, self._stopper.kill)
        self._agenda.go_on(again)
        self.on_child_restarted(child_id, child.last_cause)

    def _restart_failed(self, child: Child, error: ChildStartError, began: float) -> None:
        """Take it for the child's next end. Whoever is behind it in its restart is in its group as well."""
        child.status = Status.RESTARTING
        if self.runtime.system_is_ending:
            return  # that is why
        was_limited = child.limited_since is not None
        now = self.runtime.now()
        child.exit = child.failed_start(error.cause, began, now, is_limit=is_limit(error))
        # What a limit holds up is tried again and again, and said once.
        say = log.debug if was_limited and child.exit.kind is ExitKind.LIMITED else log.error
        say("child did not start", supervisor=self.actor_urn, child=child.spec.id, cause=error.cause)
        self._agenda.add_end(child, child.exit)

    # Requests

    def _serve(self, request: Request, reply: Reply) -> None:
        try:
            self._grant(request, reply)
        except SupervisorError as error:
            reply.set_exception(error)
        except Exception as error:  # whoever asks gets to know it; the children are no less well for it
            log.exception("request failed", supervisor=self.actor_urn, request=type(request).__name__)
            reply.set_exception(error)

    def _grant(self, request: Request, reply: Reply) -> None:
        match request:
            case StartChild(spec):
                check_specs(self._flags, [spec])
                self._children.check_new(spec.id)
                check_specs(self._flags, [*self._children.specs, spec])
                self._start_for(reply, self._children.add(spec), is_new=True)
            case TerminateChild(child_id):
                child = self._children.find(child_id)

                def done() -> None:
                    if child.spec.restart is Restart.TEMPORARY:
                        self._children.remove(child)
                    reply.set(None)
                    self._advance()

                self._stopper.stop(child, done)
            case RestartChild(child_id):
                self._start_for(reply, self._children.find_stopped(child_id), is_new=False)
            case RenewChild(child_id):
                self._renewals.begin(self._children.find(child_id), reply)
            case DeleteChild(child_id):
                self._children.remove(self._children.find_stopped(child_id))
                reply.set(None)

    def _start_for(self, reply: Reply, child: Child, *, is_new: bool) -> None:
        """Start a child for somebody who waits for its ref. A new one whose start fails is not kept."""

        def over(child: Child, error: ChildStartError | None) -> None:
            if error is None:
                reply.set(child.ref)
            else:
                reply.set_exception(error)
                if is_new:
                    self._children.remove(child)
            if self._stopper.is_stopping(child):
                self._stopper.start_is_over(child)
            elif error is None:
                probe_health(child, self.actor_urn, self.runtime, self._stopper.kill)
            else:
                child.rest()
            self._advance()

        self._launcher.begin(child, over)

    def _refuse_requests(self) -> None:
        """From now on nothing is done any more but to end."""
        self._ending = True
        for asked in self._agenda.take_requests():
            asked.reply.set_exception(ActorDeadError(f"supervisor {self.actor_urn} has ended"))

    def _end(self) -> None:
        self._refuse_requests()
        FinalStop(self.actor_urn, self.runtime, self.on_child_undone).run(self._children)


def _raise(error: BaseException) -> None:
    raise error


def _log_left(child: Child, supervisor: str) -> None:
    if child.exit is not None and child.exit.kind is ExitKind.ABNORMAL:
        log.error("child ended", supervisor=supervisor, child=child.spec.id, cause=child.exit.cause)
