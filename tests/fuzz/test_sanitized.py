"""The compiled loops under sanitizers: nothing is found, and what is planted is."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.wire import accelerator, loops
from tests.docs.pages import claim
from tests.fuzz import sanitized
from tests.fuzz.loop_rounds import LOOPS, rounds
from tests.fuzz.sanitized import SOURCE, NoSanitizerError

PAGE = claim("docs/howto/fuzz.md", "tests.fuzz.sanitized")
BOUND = "count > (message.len - start) / payload"
NO_SANITIZERS = 2


@pytest.mark.timeout(300)
def test_the_command_of_the_page_finds_nothing_in_the_compiled_loops(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With fewer calls, and without the tests."""
    arguments = PAGE.text.replace("40000", "800").split()[3:]
    code = sanitized.main([*arguments, "--no-tests"])
    printed = capsys.readouterr()
    if code == NO_SANITIZERS:
        pytest.skip(printed.err)
    assert code == 0, printed.out
    assert "compared with plain Python" in printed.out
    assert printed.out.rstrip().endswith("nothing found")


@pytest.mark.timeout(300)
def test_a_missing_bound_is_found(tmp_path: Path) -> None:
    """Without it packets are cut from behind the end of the message."""
    text = SOURCE.read_text()
    assert BOUND in text
    (source := tmp_path / SOURCE.name).write_text(text.replace(BOUND, "0"))
    try:
        done = sanitized.run(4000, 1, tests=False, source=source)
    except NoSanitizerError as error:
        pytest.skip(str(error))
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_every_loop_has_its_turn() -> None:
    """Those in use here, and plain Python itself."""
    for form in (accelerator.compiled or loops, loops):
        assert rounds(form, seed=2, count=45, wild=form is not loops) == dict.fromkeys(LOOPS, 5)


def test_a_loop_that_gives_something_else_is_found() -> None:
    class Wrong:
        FrameCipher = loops.FrameCipher
        read_parts = staticmethod(lambda *_: b"something else")

        def __getattr__(self, name: str) -> object:
            return getattr(loops, name)

    with pytest.raises(AssertionError, match="read_parts"):
        rounds(Wrong(), seed=1, count=9)


def test_a_compiler_without_sanitizers_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: nothing was looked at."""
    monkeypatch.setenv("CC", "/bin/false")
    assert sanitized.main(["--rounds", "1"]) == NO_SANITIZERS
    assert "cannot be built" in capsys.readouterr().err
    monkeypatch.setenv("CC", "/nowhere/cc")
    assert sanitized.main(["--rounds", "1"]) == NO_SANITIZERS
    assert "No such file" in capsys.readouterr().err
