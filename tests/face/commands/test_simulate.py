"""peerage simulate: a network on virtual time."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.chaos.started_node import PROGRAM
from tests.face.command_line import run

SMALL = ("simulate", "--nodes", "30", "--seeds", "1", "--for", "3m")


def test_prints_figures_and_repeats_them() -> None:
    """Convergence, distribution, seeds and dials, the same both times."""
    result = run(*SMALL)
    assert result.exit_code == 0, result.output
    labels = [line[:42].strip() for line in result.stdout.splitlines()]
    assert labels[:2] == ["rules", "95 % have all outbound peers after"]
    assert not any("attacker" in label for label in labels)
    assert run(*SMALL).stdout == result.stdout
    assert run(*SMALL, "--seed", "2").stdout != result.stdout


def test_chance_comes_from_the_seed_alone() -> None:
    """Another process, with another hash order, prints the same."""
    options = [*SMALL, "--attacker", "50", "--churn", "5", "--unreachable", "0.3"]
    command = [sys.executable, "-c", PROGRAM, *options]
    printed = {
        subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": order}, capture_output=True, check=True
        ).stdout
        for order in ("1", "2")
    }
    assert len(printed) == 1


def test_compares_rules_under_attack_and_draws(tmp_path: Path) -> None:
    """A column for each set of rules, the attacker's share, and a picture that is valid XML."""
    picture = tmp_path / "out.svg"
    options = (
        "--attacker",
        "100",
        "--rules",
        "both",
        "--plot",
        picture,
        "--churn",
        "1",
        "--unreachable",
        "0.2",
    )
    result = run(*SMALL, *options)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["rules", "peerage", "cometbft"]
    assert lines[-5].split()[-2:] == ["76.3%", "76.3%"]  # of 100 + 30 + 1 addresses
    assert [line[:42].rstrip() for line in lines[-4:]] == [
        f"attacker's {way} slots {when}"
        for way in ("outbound", "inbound")
        for when in ("before restart", "at the end")
    ]
    assert len(lines[-1][42:].split()) == 2
    assert result.stderr == f"drawn: {picture}\n"
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")


def test_a_named_attack_has_its_numbers_unless_others_are_given() -> None:
    """An attack without addresses is none."""
    named = run(*SMALL, "--attack", "few-prefixes")
    assert named.exit_code == 0, named.output
    assert "96.3%" in named.stdout  # 800 of 831 addresses
    smaller = [*SMALL, "--attack", "few-prefixes", "--attacker", "50", "--groups", "4"]
    assert run(*smaller).stdout == run(*SMALL, "--attacker", "50", "--groups", "4").stdout
    assert "attacker" not in run(*SMALL, "--attack", "early", "--attacker", "0").stdout


def test_cometbfts_rules_alone() -> None:
    """The table has a single column."""
    assert run(*SMALL, "--rules", "cometbft").stdout.splitlines()[0].split() == ["rules", "cometbft"]


def test_each_improvement_can_be_switched_off() -> None:
    """The figures change."""
    options = [*SMALL, "--dead", "200"]
    assert run(*options, "--without", "eager_rounds", "--without", "verified-answers").exit_code == 0
    assert run(*options, "--without", "verified_answers").stdout != run(*options).stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--plot", "out.bmp"], "--plot: found 'out.bmp', allowed: a name that ends in .svg"),
        (["--downtime", "soon"], "--downtime: found 'soon', allowed: a duration above 0"),
        (["--nodes", "1"], "--nodes"),
        (["--unreachable", "1"], "--unreachable"),
        (["--without", "luck"], "--without"),
        (["--attack", "magic"], "--attack"),
        (["--newcomer", "2h"], "--newcomer: found 7200 s, allowed: at most the simulated time"),
    ],
)
def test_mistakes_are_named(options: list[str], text: str) -> None:
    """What was found and what is allowed; exit code 2."""
    result = run(*SMALL, *options)
    assert result.exit_code == 2
    assert text in result.stderr
