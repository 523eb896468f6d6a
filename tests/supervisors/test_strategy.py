"""The pure restart rules, in the manner of OTP's supervisor suite."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.runtime import ProcessActor
from peerage.supervisors.errors import UnknownChildError
from peerage.supervisors.intensity import Backoff, History, Intensity, RestartRecord
from peerage.supervisors.spec import (
    AutoShutdown,
    ChildSpec,
    Flags,
    Restart,
    Start,
    Strategy,
)
from peerage.supervisors.strategy import (
    Action,
    ChildState,
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
)

P, T, X = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
NORMAL, SHUTDOWN, ABNORMAL, START_FAILED, LIMITED = ExitKind
NO_BACKOFF = Backoff(base=0)
ONE, ALL, REST = Strategy


class Nothing(ProcessActor):
    """An actor class to name in specs; never started here."""


def child(
    name: str, restart: Restart = P, status: Status = Status.RUNNING, *, significant: bool = False
) -> ChildState:
    """Return a child in this state."""
    return ChildState(ChildSpec(name, Start.of(Nothing), restart, significant=significant), status)


def flags(
    strategy: Strategy = ONE,
    restarts: int = 3,
    auto: AutoShutdown = AutoShutdown.NEVER,
    backoff: Backoff = NO_BACKOFF,
) -> Flags:
    """Return flags with a period of 5 s."""
    return Flags(strategy, Intensity(restarts, 5.0), auto, backoff)


def actions(
    supervisor: Flags, children: Sequence[ChildState], name: str, kind: ExitKind = ABNORMAL
) -> tuple[Action, ...]:
    """Return what is done about this exit on an empty history."""
    return decide(supervisor, children, History(), Exit(name, kind, "why"), 100.0).actions


def again(*names: str, trigger: str | None = None, delay: float = 0.0, attempt: int = 1) -> StartAgain:
    """Return the expected restart of these children."""
    return StartAgain(names, delay, trigger or names[0], "why", attempt)


# Restart type by exit kind -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restart", "kind", "expected"),
    [
        pytest.param(P, NORMAL, again("b"), id="permanent_normal"),
        pytest.param(P, SHUTDOWN, again("b"), id="permanent_shutdown"),
        pytest.param(P, ABNORMAL, again("b"), id="permanent_abnormal"),
        pytest.param(P, START_FAILED, again("b"), id="permanent_start_failed"),
        pytest.param(T, NORMAL, Rest("b"), id="transient_normal"),
        pytest.param(T, SHUTDOWN, Rest("b"), id="transient_shutdown"),
        pytest.param(T, ABNORMAL, again("b"), id="transient_abnormal"),
        pytest.param(T, START_FAILED, again("b"), id="transient_start_failed"),
        pytest.param(X, NORMAL, Forget("b"), id="temporary_normal"),
        pytest.param(X, SHUTDOWN, Forget("b"), id="temporary_shutdown"),
        pytest.param(X, ABNORMAL, Forget("b"), id="temporary_abnormal"),
    ],
)
@pytest.mark.parametrize("strategy", Strategy)
def test_restart_type_by_exit_kind(
    strategy: Strategy, restart: Restart, kind: ExitKind, expected: Action
) -> None:
    """Who is restarted after which end depends on the restart type alone, in every strategy."""
    assert actions(flags(strategy), [child("b", restart)], "b", kind) == (expected,)


def test_exit_that_restarts_nobody_leaves_the_history_alone() -> None:
    """Only restarts count toward the intensity."""
    history = History((RestartRecord("a", 99.0),))
    for kind in (NORMAL, SHUTDOWN):
        assert decide(flags(), [child("b", T)], history, Exit("b", kind), 100.0).history is history


def test_unknown_child_is_an_error() -> None:
    """An exit of nobody's child is the caller's mistake, not a silent nothing."""
    with pytest.raises(UnknownChildError):
        actions(flags(), [child("a")], "z")


# Strategies ---------------------------------------------------------------------------------------

ABC = [child("a"), child("b"), child("c")]


def test_one_for_one() -> None:
    """Nobody else is touched."""
    assert actions(flags(ONE), ABC, "b") == (again("b"),)


def test_one_for_all() -> None:
    """The others are terminated last started first, then all are started in start order."""
    assert actions(flags(ALL), ABC, "b") == (
        Terminate("c"),
        Terminate("a"),
        again("a", "b", "c", trigger="b"),
    )


def test_rest_for_one() -> None:
    """Those started after it are terminated in reverse, then it and they are started in order."""
    assert actions(flags(REST), ABC, "b") == (Terminate("c"), again("b", "c"))


def test_rest_for_one_of_the_first_is_all() -> None:
    """The first child takes everyone with it."""
    assert actions(flags(REST), ABC, "a") == (Terminate("c"), Terminate("b"), again("a", "b", "c"))


def test_rest_for_one_of_the_last_is_one() -> None:
    """The last child takes nobody with it."""
    assert actions(flags(REST), ABC, "c") == (again("c"),)


@pytest.mark.parametrize("strategy", Strategy)
def test_temporary_end_touches_no_sibling(strategy: Strategy) -> None:
    """A temporary child's crash restarts nobody, so no sibling is terminated either."""
    assert actions(flags(strategy), [child("a"), child("b", X), child("c")], "b") == (Forget("b"),)


def test_temporary_bystander_is_terminated_and_forgotten() -> None:
    """OTP's temporary_bystander: a temporary sibling goes down with the group and does not come back."""
    children = [child("a"), child("b", X), child("c")]
    expected = (Terminate("c"), Terminate("b"), Forget("b"), again("a", "c"))
    assert actions(flags(ALL), children, "a") == expected
    assert actions(flags(REST), children, "a") == expected


def test_temporary_child_started_before_is_no_bystander_of_rest_for_one() -> None:
    """rest_for_one looks only at later children."""
    assert actions(flags(REST), [child("a", X), child("b"), child("c")], "b") == (
        Terminate("c"),
        again("b", "c"),
    )


def test_stopped_sibling_is_not_terminated_but_started_with_the_group() -> None:
    """As in OTP, a group restart brings back a transient sibling that had ended normally."""
    children = [child("a"), child("b", T, Status.STOPPED), child("c")]
    assert actions(flags(ALL), children, "a") == (Terminate("c"), again("a", "b", "c"))


def test_restarting_sibling_joins_the_new_group() -> None:
    """A child that waits for its restart when a sibling ends is started with the new group."""
    children = [child("a"), child("b", P, Status.RESTARTING), child("c", P, Status.RESTARTING)]
    assert actions(flags(REST), children, "a") == (again("a", "b", "c"),)


def test_one_for_all_other_child_fails_restart() -> None:
    """A sibling that does not come up again is the next end: the started ones go down, all are started
    again."""
    children = [child("a"), child("b", P, Status.RESTARTING), child("c", P, Status.RESTARTING)]
    assert actions(flags(ALL), children, "b", START_FAILED) == (
        Terminate("a"),
        again("a", "b", "c", trigger="b"),
    )


def test_rest_for_one_other_child_fails_restart() -> None:
    """A later sibling that does not come up takes only those after it; the one that ended first stays up."""
    children = [child("a"), child("b"), child("c", P, Status.RESTARTING), child("d", P, Status.RESTARTING)]
    assert actions(flags(REST), children, "c", START_FAILED) == (again("c", "d"),)


# Intensity and escalation -------------------------------------------------------------------------


def crash(supervisor: Flags, children: Sequence[ChildState], *ends: tuple[str, float]) -> list[Action]:
    """Return the last action of each of these abnormal ends (child, time), the history carried along."""
    history, last = History(), []
    for name, at in ends:
        decision = decide(supervisor, children, history, Exit(name, ABNORMAL, "why"), at)
        history = decision.history
        last.append(decision.actions[-1])
    return last


def test_multiple_restarts_within_the_intensity() -> None:
    """As many restarts as the intensity says are done."""
    done = crash(flags(restarts=3), ABC, ("a", 0.0), ("a", 1.0), ("a", 2.0))
    assert [type(action) for action in done] == [StartAgain] * 3


def test_one_restart_more_gives_up_and_names_cause_and_count() -> None:
    """The restart beyond the intensity is not done."""
    done = crash(flags(restarts=2), ABC, ("a", 0.0), ("a", 1.0), ("a", 2.0))
    assert done[-1] == GiveUp("a", "why", 3)


def test_starts_that_fail_slowly_count_together() -> None:
    """Each takes longer than the period: the time that a failed start takes is taken out of it."""
    history, now = History(), 0.0
    for attempt in range(1, 5):
        exit_ = Exit("b", START_FAILED if attempt > 1 else ABNORMAL, took=60.0 if attempt > 1 else 0.0)
        decision = decide(flags(restarts=3), [child("a"), child("b")], history, exit_, now)
        history, now = decision.history, now + 60.0
    assert decision.actions[-1] == GiveUp("b", "", 4)


def test_a_start_held_up_by_a_limit_is_tried_again_without_being_counted() -> None:
    """The waits grow with what has been waited, up to two seconds; siblings are left alone, whatever the strategy."""
    waits = [(0.0, 0.1), (0.1, 0.1), (0.5, 0.5), (1.5, 1.5), (20.0, 2.0), (60.0, 2.0)]
    for strategy in Strategy:
        history = decide(flags(strategy), ABC, History(), Exit("b", ABNORMAL), 0.0).history
        for waited, delay in waits:
            states = [child("a"), child("b", status=Status.RESTARTING), child("c", status=Status.RESTARTING)]
            exit_ = Exit("b", LIMITED, "why", waited=waited)
            decision = decide(flags(strategy, restarts=1), states, history, exit_, waited)
            names = ("b",) if strategy is ONE else ("b", "c")
            assert decision.actions == (again(*names, delay=delay),)
            assert len(decision.history.records) == 1
            history = decision.history


def test_a_start_held_up_beyond_all_patience_counts() -> None:
    """A supervisor that would wait for ever would live without the child for good."""
    supervisor = flags(restarts=1, backoff=Backoff(base=0, patience=10.0))
    history = decide(supervisor, [child("a")], History(), Exit("a", ABNORMAL), 0.0).history
    exit_ = Exit("a", LIMITED, "why", waited=10.1)
    assert decide(supervisor, [child("a")], history, exit_, 0.2).actions[-1] == GiveUp("a", "why", 2)


def test_intensity_zero_gives_up_at_once() -> None:
    """OTP: intensity 0 means no restart at all."""
    assert crash(flags(restarts=0), ABC, ("a", 0.0)) == [GiveUp("a", "why", 1)]


def test_restarts_of_all_children_count_together() -> None:
    """The intensity belongs to the supervisor, not to a child."""
    done = crash(flags(restarts=2), ABC, ("a", 0.0), ("b", 1.0), ("c", 2.0))
    assert done[-1] == GiveUp("c", "why", 3)


def test_restart_exactly_one_period_ago_still_counts() -> None:
    """OTP: the window is closed at both ends."""
    assert isinstance(crash(flags(restarts=1), ABC, ("a", 0.0), ("a", 5.0))[-1], GiveUp)


def test_restart_longer_ago_than_the_period_is_forgotten() -> None:
    """A crash now and then is never too much."""
    done = crash(flags(restarts=1), ABC, *(("a", 5.01 * turn) for turn in range(20)))
    assert [type(action) for action in done] == [StartAgain] * 20


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param(
            ONE, (Terminate("c"), Terminate("a"), GiveUp("b", "why", 1)), id="one_for_one_escalation"
        ),
        pytest.param(
            ALL, (Terminate("c"), Terminate("a"), GiveUp("b", "why", 1)), id="one_for_all_escalation"
        ),
        pytest.param(
            REST, (Terminate("c"), Terminate("a"), GiveUp("b", "why", 1)), id="rest_for_one_escalation"
        ),
    ],
)
def test_escalation_terminates_everyone_in_reverse(strategy: Strategy, expected: tuple[Action, ...]) -> None:
    """Whatever the strategy, giving up stops all running children first, last started first."""
    assert actions(flags(strategy, restarts=0), ABC, "b") == expected


def test_failed_start_counts_toward_the_intensity() -> None:
    """hanging_restart_loop: a child that cannot start ends in giving up, not in an endless loop."""
    history, turns = History(), 0
    children = [child("a", P, Status.RESTARTING)]
    while True:
        decision = decide(flags(restarts=3), children, history, Exit("a", START_FAILED, "why"), 0.0)
        history, turns = decision.history, turns + 1
        if isinstance(decision.actions[-1], GiveUp):
            break
    assert turns == 4


def test_history_stays_bounded() -> None:
    """Never more than intensity + 1 records are kept, however often children end."""
    history = History()
    for turn in range(1000):
        history = decide(flags(restarts=3), ABC, history, Exit("a", ABNORMAL), turn * 1.5).history
        assert len(history.records) <= 4


# Back-off -----------------------------------------------------------------------------------------

SLOW = Backoff(base=10.0, factor=2.0, limit=1000.0)


def test_first_restart_is_at_once_and_later_ones_wait() -> None:
    """A single crash costs nothing, a crash loop does not spin."""
    done = crash(flags(restarts=3, backoff=SLOW), ABC, ("a", 0.0), ("a", 0.1), ("a", 10.2))
    assert [action.delay for action in done if isinstance(action, StartAgain)] == [0.0, 10.0, 20.0]


def test_wait_longer_than_the_period_does_not_hide_a_crash_loop() -> None:
    """The wait is taken out of the period: the supervisor gives up as it would without back-off."""
    done = crash(flags(restarts=3, backoff=SLOW), ABC, ("a", 0.0), ("a", 0.1), ("a", 10.2), ("a", 30.3))
    assert done[-1] == GiveUp("a", "why", 4)


def test_one_childs_wait_does_not_stretch_its_siblings_period() -> None:
    """b's old restart is forgotten on time, though a waited meanwhile."""
    done = crash(flags(restarts=2, backoff=SLOW), ABC, ("b", 0.0), ("a", 0.0), ("b", 9.0), ("b", 19.5))
    assert [type(action) for action in done] == [StartAgain] * 4


def test_attempts_of_the_whole_group_count_for_its_wait() -> None:
    """one_for_all: children that take turns in crashing are one crash loop."""
    done = crash(flags(ALL, restarts=3, backoff=SLOW), ABC, ("a", 0.0), ("b", 0.1))
    assert done[-1] == again("a", "b", "c", trigger="b", delay=10.0, attempt=2)


@settings(max_examples=60)
@given(
    uptimes=st.lists(st.integers(0, 6000).map(lambda ms: ms / 1024), min_size=1, max_size=30),
    restarts=st.integers(0, 6),
    strategy=st.sampled_from(Strategy),
    base=st.integers(0, 512).map(lambda step: step / 64),
)
def test_backoff_never_changes_when_the_supervisor_gives_up(
    uptimes: list[float], restarts: int, strategy: Strategy, base: float
) -> None:
    """For any life of a child, the restart at which the supervisor gives up is the same with and without
    waits."""

    def gives_up_at(backoff: Backoff) -> int | None:
        history, now = History(), 0.0
        supervisor = flags(strategy, restarts=restarts, backoff=backoff)
        for turn, uptime in enumerate(uptimes):
            now += uptime
            decision = decide(supervisor, [child("a")], history, Exit("a", ABNORMAL), now)
            history = decision.history
            match decision.actions[-1]:
                case StartAgain(delay=delay):
                    now += delay
                case _:
                    return turn
        return None

    # Exact binary fractions: the property is about the rule, not about rounding at the window's edge.
    assert gives_up_at(Backoff(base, 2.0, 64.0)) == gives_up_at(NO_BACKOFF)


# Significant children and auto-shutdown -----------------------------------------------------------

ANY, EVERY = AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT


def significant(name: str, restart: Restart = T, status: Status = Status.RUNNING) -> ChildState:
    """Return a significant child."""
    return child(name, restart, status, significant=True)


def test_any_significant_child_that_ends_shuts_the_supervisor_down() -> None:
    """The others are terminated in reverse, then the supervisor ends in good order."""
    children = [child("a"), significant("b"), significant("c")]
    assert actions(flags(auto=ANY), children, "b", NORMAL) == (
        Rest("b"),
        Terminate("c"),
        Terminate("a"),
        ShutDown("b"),
    )


def test_significant_temporary_child_that_crashes_shuts_the_supervisor_down() -> None:
    """A temporary child is not restarted, so its crash is its end too."""
    assert actions(flags(auto=ANY), [significant("b", X)], "b") == (Forget("b"), ShutDown("b"))


def test_significant_transient_child_that_crashes_is_restarted() -> None:
    """A restart is no end: no auto-shutdown."""
    assert actions(flags(auto=ANY), [significant("b")], "b") == (again("b"),)


def test_insignificant_child_that_ends_shuts_nothing_down() -> None:
    """Only significant children count."""
    assert actions(flags(auto=ANY), [child("a", T), significant("b")], "a", NORMAL) == (Rest("a"),)


def test_all_significant_waits_for_the_last() -> None:
    """While another significant child lives, the supervisor stays."""
    assert actions(flags(auto=EVERY), [significant("a"), significant("b")], "a", NORMAL) == (Rest("a"),)
    children = [significant("a", T, Status.STOPPED), significant("b"), child("c")]
    assert actions(flags(auto=EVERY), children, "b", NORMAL) == (Rest("b"), Terminate("c"), ShutDown("b"))


def test_all_significant_counts_a_restarting_child_as_alive() -> None:
    """A significant sibling on its way back has not ended."""
    children = [significant("a", T, Status.RESTARTING), significant("b")]
    assert actions(flags(auto=EVERY), children, "b", NORMAL) == (Rest("b"),)


def test_a_child_that_starts_is_terminated_as_one_that_runs() -> None:
    """It was to live, and must not come up behind the back of those who end it."""
    children = [child("a"), child("b", P, Status.STARTING), child("c", P, Status.RESTARTING)]
    assert actions(flags(ALL), children, "a") == (Terminate("b"), again("a", "b", "c"))


# Properties ---------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(data=st.data())
def test_every_decision_is_well_formed(data: st.DataObject) -> None:
    """Terminations in reverse start order, of children only that run or start; starts in start order; the last word
    comes last."""
    kinds = data.draw(
        st.lists(st.tuples(st.sampled_from(Restart), st.sampled_from(Status)), min_size=1, max_size=6)
    )
    children = [child(str(index), restart, status) for index, (restart, status) in enumerate(kinds)]
    strategy, kind = (
        data.draw(st.sampled_from(Strategy)),
        data.draw(st.sampled_from([NORMAL, SHUTDOWN, ABNORMAL])),
    )
    ended = data.draw(st.sampled_from(children)).spec.id
    done = actions(flags(strategy, restarts=data.draw(st.integers(0, 1))), children, ended, kind)

    running = [each.spec.id for each in children if each.status in (Status.RUNNING, Status.STARTING)]
    terminated = [action.child for action in done if isinstance(action, Terminate)]
    assert terminated == sorted(terminated, key=int, reverse=True)
    assert set(terminated) <= set(running) - {ended}
    for action in done[:-1]:
        assert isinstance(action, Terminate | Forget)
    if isinstance(done[-1], StartAgain):
        started = list(done[-1].children)
        assert started == sorted(started, key=int)
        assert ended in started
        assert set(terminated) <= set(started) | {a.child for a in done if isinstance(a, Forget)}
