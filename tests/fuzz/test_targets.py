"""Every target holds for its corpus, and for what a short session of the fuzzer makes of it, the same in each run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import claim
from tests.fuzz import __main__ as fuzz_command
from tests.fuzz import planted_fault
from tests.fuzz.__main__ import NAMES, target_of
from tests.fuzz.fuzzer import fuzz, write_corpus
from tests.fuzz.target import Target

PLANTED = planted_fault.__name__
PAGE = claim("docs/howto/fuzz.md", "python -m tests.fuzz pex")


@pytest.mark.parametrize("name", NAMES)
def test_all_holds_for_the_corpus(name: str) -> None:
    """What CometBFT says, and what it was tried with."""
    target = target_of(name)
    corpus = list(target.corpus())
    assert len(corpus) >= 20
    for data in corpus:
        target.check(data)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_short_session_finds_nothing(name: str, tmp_path: Path) -> None:
    """By coverage, from the corpus on; `python -m tests.fuzz all --secs 60` looks for longer."""
    pytest.importorskip("atheris", reason="has no wheel for this platform")
    target = target_of(name)
    result = fuzz(
        f"tests.fuzz.targets.{name}", kept=tmp_path / "kept", findings=tmp_path, inputs=target.inputs, seed=1
    )
    assert not result.report, f"{result.finding}\n{result.report}"
    assert result.inputs >= target.inputs
    assert result.kept >= target.kept


@pytest.mark.timeout(300)
def test_what_does_not_hold_is_found_and_its_input_kept(tmp_path: Path) -> None:
    """From a corpus that is far from it."""
    pytest.importorskip("atheris", reason="has no wheel for this platform")
    result = fuzz(PLANTED, kept=tmp_path / "kept", findings=tmp_path, inputs=100_000, seed=1)
    assert "ValueError: planted" in result.report
    assert result.finding is not None
    assert result.finding.parent == tmp_path
    with pytest.raises(ValueError, match="planted"):
        planted_fault.check(result.finding.read_bytes())


@pytest.mark.timeout(300)
def test_the_command_of_the_page_prints_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For fewer inputs instead of a minute."""
    pytest.importorskip("atheris", reason="has no wheel for this platform")
    arguments = PAGE.commands[0][3:]
    assert fuzz_command.main([*arguments, "--inputs", "100", "--keep", str(tmp_path)]) == 0
    line = capsys.readouterr().out
    assert line.startswith("pex ")
    assert "branches" in line
    assert any((tmp_path / "pex").iterdir())


def test_an_input_can_be_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a fault was mended, or to see its traceback."""
    file = tmp_path / "input"
    file.write_bytes(b"\x0a\x00")
    assert fuzz_command.main(["pex", "--input", str(file)]) == 0
    assert "all holds" in capsys.readouterr().out

    def fail(data: bytes) -> None:
        raise ValueError(data.hex())

    monkeypatch.setattr(fuzz_command, "target_of", lambda _: Target(list, fail))
    with pytest.raises(ValueError, match="0a00"):
        fuzz_command.main(["pex", "--input", str(file)])


@pytest.mark.parametrize(
    "wrong",
    [
        ["nothing"],
        ["pex", "--secs", "0"],
        ["all", "--at-once", "0"],
        ["all", "--input", "x"],
        ["pex", "--input", "/nowhere"],
    ],
)
def test_wrong_arguments_are_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fuzz_command.main(wrong)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_equal_inputs_of_a_corpus_are_one_file(tmp_path: Path) -> None:
    write_corpus(Target(lambda: [b"a", b"b", b"a"], lambda _: None), tmp_path)
    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"a", b"b"]
