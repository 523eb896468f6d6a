"""Reactors that `peerage start` is told to run; test_start.py runs nodes."""

from __future__ import annotations

import pytest

from peerage.commands.exit_status import MistakeError
from peerage.commands.node_run import load_reactors
from tests.nodes import EchoReactor, SinkReactor


def test_reactors_are_named_by_their_class_or_as_they_are_told() -> None:
    found = load_reactors(("tests.nodes:EchoReactor", "SINK=tests.nodes:SinkReactor"))
    assert found == {"ECHOREACTOR": EchoReactor, "SINK": SinkReactor}
    assert load_reactors(()) == {}


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        (("tests.nodes:Nobody",), "'Nobody' is not there"),
        (("A=tests.nodes:EchoReactor", "A=tests.nodes:SinkReactor"), "the name 'A' is taken"),
    ],
)
def test_one_that_cannot_be_is_named(specs: tuple[str, ...], told: str) -> None:
    with pytest.raises(MistakeError, match=f"^reactor .*{told}"):
        load_reactors(specs)
