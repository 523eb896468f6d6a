"""The command `peerage events`, as far as it needs nothing of a node."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete

from peerage.actors.events.happenings import KINDS
from peerage.commands.cli import main
from tests.face.command_line import run


class Shell(ShellComplete):
    """Any shell."""

    name, source_template = "any", ""


def test_kinds_are_completed() -> None:
    found = Shell(main, {}, "peerage", "X").get_completions(["events", "--kind"], "un")
    assert [item.value for item in found] == [kind for kind in KINDS if kind.startswith("un")] != []


def test_a_kind_that_there_is_not_is_named_before_the_node_is_asked(tmp_path: object) -> None:
    result = run("events", "--home", tmp_path, "--kind", "party")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--kind: found 'party', allowed: dialled, " in click.unstyle(result.stderr)
