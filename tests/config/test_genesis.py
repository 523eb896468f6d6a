import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.config.errors import UnfitValueError
from peerage.config.genesis import read_chain_id


def test_chain_id_is_found_among_all_else(tmp_path: Path) -> None:
    """Only chain_id matters, wherever it is."""
    path = tmp_path / "genesis.json"
    path.write_text(
        '{"app_state": {"chain_id": "inner", "a": [1, {"b": null}]}, "chain_id": "outer", "x": 1.5}'
    )
    assert read_chain_id(path) == "outer"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"hello",
        b'{"chain_id": 5}',
        b'{"chain_id": ""}',
        b'{"chain_id": "' + b"x" * 51 + b'"}',
        b'{"chain_id": "' + "\u00e9".encode() * 26 + b'"}',
        b'{"chain_id": "\xff"}',
        b"[" * 100_000,
        b'{"chain_id": "a"',
    ],
    ids=lambda content: repr(content[:30]),
)
def test_no_chain_id_to_be_had(tmp_path: Path, content: bytes) -> None:
    """A file without a proper chain_id is refused."""
    (tmp_path / "g").write_bytes(content)
    with pytest.raises(UnfitValueError):
        read_chain_id(tmp_path / "g")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_file_gives_a_name_or_is_refused(tmp_path: Path, content: bytes) -> None:
    """No content of a file raises any other error."""
    (tmp_path / "g").write_bytes(content)
    with contextlib.suppress(UnfitValueError):
        assert read_chain_id(tmp_path / "g")


def test_missing_file(tmp_path: Path) -> None:
    """A missing file is distinguished from a broken one."""
    with pytest.raises(FileNotFoundError):
        read_chain_id(tmp_path / "g")
