"""A config.toml that is changed keeps everything that was not to be changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from peerage.config.toml_text import TomlText, UneditableError

COMETBFTS = (Path(__file__).parents[1] / "vectors" / "config.toml").read_text()


def changed(text: str, section: str, key: str, value: str) -> str:
    edited = TomlText(text)
    edited.put(section, key, value)
    return edited.text


def test_what_is_not_changed_is_the_same_text() -> None:
    assert TomlText(COMETBFTS).text == COMETBFTS


def test_one_value_is_one_line() -> None:
    """Of CometBFT's 500; its comment stays."""
    new = changed(COMETBFTS, "p2p", "laddr", '"tcp://127.0.0.1:0"')
    pairs = [(a, b) for a, b in zip(COMETBFTS.splitlines(), new.splitlines(), strict=True) if a != b]
    assert pairs == [('laddr = "tcp://0.0.0.0:26656"', 'laddr = "tcp://127.0.0.1:0"')]
    assert changed("[p2p]\npex = true   # why\n", "p2p", "pex", "false") == "[p2p]\npex = false   # why\n"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("", '[p2p]\nladdr = "x"\n'),
        ("a = 1", 'a = 1\n\n[p2p]\nladdr = "x"\n'),
        ("[P2P]\nLaddr = 1 # c\n", '[P2P]\nLaddr = "x" # c\n'),
        ('p2p.laddr = "a"\n', 'p2p.laddr = "x"\n'),
        ("[p2p]\na = 1\n# of rpc\n[rpc]\n", '[p2p]\na = 1\nladdr = "x"\n# of rpc\n[rpc]\n'),
        ("[p2p.libp2p]\na = 1\n", '[p2p]\nladdr = "x"\n[p2p.libp2p]\na = 1\n'),
        ("[p2p]\nb = 1\n[rpc]\n[p2p.libp2p]\n", '[p2p]\nb = 1\nladdr = "x"\n[rpc]\n[p2p.libp2p]\n'),
        ("p2p = { a = 1 }\n", 'p2p = { a = 1,laddr = "x" }\n'),
        ("[p2p]\nl-addr = 1\nsend_rate = 2\n", '[p2p]\nl-addr = 1\nsend_rate = 2\nladdr = "x"\n'),
        ("[p2p]\r\na = 1\r\n", '[p2p]\r\na = 1\r\nladdr = "x"\r\n'),
        ("[p2p]\na = [\n1, # c\n]\n", '[p2p]\na = [\n1, # c\n]\nladdr = "x"\n'),
    ],
)  # fmt: skip
def test_a_key_goes_where_an_operator_would_put_it(text: str, new: str) -> None:
    """Behind the last one of its section, before the comments of the next; a missing section is the last one."""
    assert changed(text, "p2p", "laddr", '"x"') == new
    assert tomllib.loads(new)


def test_lines_end_as_they_did() -> None:
    """On Windows, too; where both ends occur, each line keeps its own."""
    windows = "a = 1\r\n[p2p]\r\npex = true # c\r\n[rpc]\r\n"
    assert (
        changed(windows, "p2p", "laddr", '"x"')
        == 'a = 1\r\n[p2p]\r\npex = true # c\r\nladdr = "x"\r\n[rpc]\r\n'
    )
    assert changed(windows, "peerage", "network", '"x"') == windows + '\r\n[peerage]\r\nnetwork = "x"\r\n'
    assert changed("a = 1\r\nb = 2\n", "", "a", "3") == "a = 3\r\nb = 2\n"


def test_top_level_keys_stand_before_the_first_section() -> None:
    assert (
        changed("a = 1\n# of p2p\n[p2p]\n", "", "moniker", '"m"') == 'a = 1\nmoniker = "m"\n# of p2p\n[p2p]\n'
    )


def test_names_and_keys_that_are_set_aside() -> None:
    """A comment keeps all lines of a value, and its own comment."""
    edited = TomlText("[rpc]\nold-name  = 1 # c\nlist = [\n  1,\n] # d\nz = 2\n")
    edited.rename("rpc", "old-name", "old_name")
    edited.set_aside("rpc", "list")
    assert edited.keys("rpc") == ["old_name", "z"]
    assert edited.value("rpc", "z") == 2
    assert edited.text == "[rpc]\nold_name  = 1 # c\n# list = [\n#   1,\n# ] # d\nz = 2\n"


@pytest.mark.parametrize(
    "text", ["[p2p", "p2p = 1\n", "p2p = [{ a = 1 }]\n", "[[p2p]]\na = 1\n", "x = " + "[" * 5000]
)
def test_a_form_without_a_place_is_refused(text: str) -> None:
    """Rather than written in a way that means something else."""
    with pytest.raises(UneditableError):
        changed(text, "p2p", "laddr", '"x"')
