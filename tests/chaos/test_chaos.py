"""`python -m tests.chaos`: a short run of it, its plan, its flags."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

import pytest

from tests.chaos import __main__ as command
from tests.chaos.plan import (
    FORK_SERVER,
    HOSTS,
    IS_FATAL,
    IS_PASSING,
    NODE,
    PARTS,
    PEER_ACTORS,
    Action,
    Harm,
    draw,
)
from tests.chaos.report import Report
from tests.chaos.storm import Storm
from tests.docs.pages import claim

STORM = claim("docs/howto/chaos.md", "python -m tests.chaos")
EVERYBODY = (*PARTS, FORK_SERVER, NODE, *PEER_ACTORS)


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("go_peer")  # builds it
def test_a_short_storm_leaves_everything_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """The page's command, for 5 s instead of 600. SIGKILL for every kind of process, then whatever comes: nothing
    acknowledged is lost, nothing is left over, every restart is logged once with its cause.
    """
    shorter = "--secs 5 --every 0.3 --probe-timeout 20"  # the plan has no hang so early
    code = command.main(STORM.text.replace("--secs 600", shorter).split()[3:])
    printed = capsys.readouterr().out
    assert (code, printed.splitlines()[-1]) == (0, "all held"), printed
    for what, least in ((r"actions: .*\bkill (\d+)", len(PARTS) + 1), (r"^(\d+) restarts$", len(PARTS))):
        found = re.search(what, printed, re.MULTILINE)
        assert found is not None, printed
        assert int(found[1]) >= least
    acknowledged = re.findall(r"(\d+) acknowledged", printed)
    assert acknowledged, printed
    assert all(int(count) > 0 for count in acknowledged)


# --- the plan --------------------------------------------------------------------------------------------------------


def first(count: int, seed: int = 1) -> list[Action]:
    return list(islice(draw(seed, 1.0), count))


def test_the_plan_is_the_seeds_alone() -> None:
    """Whom, what, when, for how long."""
    assert first(200) == first(200)
    assert first(200) != first(200, seed=2)


def test_every_process_is_killed_first() -> None:
    """Each once."""
    begun = first(len(PARTS) + 1)
    assert {action.harm for action in begun} == {Harm.KILL}
    assert sorted(action.target for action in begun) == sorted([*PARTS, FORK_SERVER])


def test_then_everybody_has_a_turn_in_every_round() -> None:
    """With every harm that there is for them, sooner or later."""
    rest = first(len(PARTS) + 1 + 100 * len(EVERYBODY))[len(PARTS) + 1 :]
    for start in range(0, len(rest), len(EVERYBODY)):
        assert sorted(action.target for action in rest[start : start + len(EVERYBODY)]) == sorted(EVERYBODY)
    harms = {part: {action.harm for action in rest if action.target == part} for part in EVERYBODY}
    of_all = IS_FATAL | {Harm.PAUSE, Harm.DOZE, Harm.JUMP}
    more = {"addrbook": {Harm.FILL, Harm.SLOW}, "switch": {Harm.LOSE_NAMES, Harm.STARVE}}
    more |= {host: {Harm.FILL, Harm.STARVE} for host in HOSTS}
    assert all(harms[part] == of_all | more.get(part, set()) for part in PARTS)
    assert harms[FORK_SERVER] == {Harm.KILL, Harm.PAUSE}
    assert harms[NODE] == {Harm.PAUSE}
    of_peers = {Harm.RAISE, Harm.POISON, Harm.SILENCE, Harm.CUT}
    assert all(harms[peer] == of_peers for peer in PEER_ACTORS)


def test_the_gaps_are_as_long_as_asked_for_in_the_mean() -> None:
    """And no pause or doze is as long as a probe's deadline. What passes by itself takes a little longer."""
    plan = list(islice(draw(3, 0.5), 2000))
    assert sum(action.gap for action in plan) / len(plan) == pytest.approx(0.5, rel=0.1)
    assert max(action.seconds for action in plan if action.harm not in IS_PASSING) <= 1.0
    assert max(action.seconds for action in plan) <= 5.0


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--secs", "0"], "a number above 0 is expected"),
        (["--every", "-1"], "a number above 0 is expected"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--home", "."], "an empty directory is expected"),
    ],
)
def test_bad_flags_end_with_2(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that names the flag and what was expected."""
    with pytest.raises(SystemExit) as ended:
        command.main(flags)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert flags[0] in printed
    assert said in printed


@pytest.mark.parametrize(("violations", "code"), [([], 0), (["something was lost"], 1)])
def test_a_violation_is_named_and_ends_with_1(
    violations: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report comes in any case."""
    report = Report(done=Counter({("kill", "switch"): 2}), violations=violations)
    monkeypatch.setattr(Storm, "run", lambda _storm: report)
    assert command.main([]) == code
    printed = capsys.readouterr().out
    assert "2 actions: kill 2" in printed
    assert printed.endswith("VIOLATION: something was lost\n1 violations\n" if violations else "all held\n")
