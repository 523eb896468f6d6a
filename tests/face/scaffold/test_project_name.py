"""Names of new projects."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from peerage.scaffold import ProjectNameError, check_name


@pytest.mark.parametrize("name", ["a", "price_feed", "chat2", "match", "a" * 32])
def test_a_lower_case_python_name_is_good(name: str) -> None:
    """Soft keywords too: a module may be called so."""
    check_name(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "allowed: a Python name"),
        ("price-feed", "such as price_feed"),
        ("2chat", "allowed: a Python name"),
        ("Chat", "lower-case"),
        ("_chat", "allowed: a Python name"),  # no distribution can be called so
        ("chat_", "allowed: a Python name"),
        ("../chat", "allowed: a Python name"),
        ("chat.room", "allowed: a Python name"),
        ("süß", "allowed: a Python name"),
        ("a" * 33, "at most 32"),
        ("class", "a keyword of Python"),
        ("json", "would hide a module of Python's library"),
        ("peerage", "would hide an installed package"),
        ("pytest", "would hide an installed package"),
        ("pynacl", "would hide an installed package"),  # a distribution; its package is called nacl
        ("pex", "peer exchange"),
        ("tests", "the folder of its tests"),
    ],
)
def test_any_other_is_refused_in_a_line_that_says_why(name: str, told: str) -> None:
    """And names it."""
    with pytest.raises(ProjectNameError, match=told) as raised:
        check_name(name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_module_of_the_path_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever brought it there, it could no longer be imported."""
    (tmp_path / "seen_on_the_path.py").touch()
    check_name("seen_on_the_path")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(ProjectNameError, match="would hide"):
        check_name("seen_on_the_path")
