"""What a forked child has in place of what it has inherited; how it behaves as a whole, see `test_forked_children.py`."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.processes import orphan
from peerage.actors.runtime.processes.orphan import STRAY_CHILD, ClosedInbox
from tests.actors.runtime.host.fakes import CellPort, Keeper
from tests.actors.runtime.host.fakes import cell as make_cell
from tests.actors.runtime.host.fakes import loop as fake_loop


class LeftError(Exception):
    """The process would have ended."""


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The codes that it would have ended with."""
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise LeftError

    monkeypatch.setattr("os._exit", leave)
    return codes


@pytest.fixture
def cell() -> Any:
    loop, _poller = fake_loop()
    cell = make_cell(loop, CellPort(), Keeper())
    loop.close()
    return cell


def test_nothing_comes_to_a_closed_inbox() -> None:
    """Its socket is the parent's."""
    inbox = ClosedInbox()
    assert (inbox.drain(1000), inbox.drain_for(1.0), inbox.has_arrivals()) == (0, False, False)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SystemExit(), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit("no"), 1, "no\n"),
        (ValueError("boom"), STRAY_CHILD, "ValueError: boom"),
        (None, STRAY_CHILD, "has come back from the handler that it was forked in"),
    ],
    ids=["exit", "code", "text", "error", "return"],
)
def test_a_child_that_comes_back_from_a_handler_ends(
    cell: Any,
    codes: list[int],
    capsys: pytest.CaptureFixture[str],
    error: BaseException | None,
    code: int,
    said: str,
) -> None:
    """As Python would end it, and with a word of what its author has overlooked."""
    with pytest.raises(LeftError):
        orphan._Stray(cell)(error)
    assert codes == [code]
    assert said in capsys.readouterr().err


def test_it_ends_when_it_leaves_the_parents_stack(cell: Any, codes: list[int]) -> None:
    """Nobody in it knows of the loop that it would go back to."""
    stack = orphan._Stack([cell])
    with pytest.raises(LeftError):
        stack.pop()
    assert codes == [STRAY_CHILD]
