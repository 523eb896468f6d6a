"""A crawl is checked before it begins; test_crawl.py makes some."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from peerage.commands.crawl_run import Manners, Order, run_crawl
from peerage.commands.exit_status import MistakeError
from peerage.config.home import Home

FILES: dict[str, Path | None] = dict.fromkeys(("output", "csv", "edges", "graphml", "picture", "html"))


def order(tmp_path: Path, seeds: str | None = None, **files: Path) -> Order:
    return Order(
        home=Home(tmp_path),
        seeds=seeds,
        network=None,
        any_network=False,
        files=FILES | files,
        as_json=True,
        state=None,
        max_nodes=1,
        own_key=False,
        manners=Manners(rate=1.0, max_in_flight=1, timeout=1.0, requests=1, seconds=1.0),
    )


def test_files_and_seeds_are_looked_at_first(tmp_path: Path) -> None:
    """Nobody is dialled."""
    for wrong, told in (
        (order(tmp_path), "--seeds: none given"),
        (
            replace(order(tmp_path, seeds=f"{'1' * 40}@127.0.0.1:1"), mmdb=(tmp_path / "x.mmdb",)),
            "--mmdb: .* cannot be read: No such",
        ),
        (order(tmp_path, seeds="nonsense"), "--seeds: "),
        (order(tmp_path, csv=Path("-")), "only one file can be standard output"),
        (order(tmp_path, picture=tmp_path / "x.png"), "--picture: found"),
        (order(tmp_path, output=tmp_path / "no" / "x"), "--output: .* is no directory"),
    ):
        with pytest.raises(MistakeError, match=told):
            run_crawl(wrong)


@pytest.mark.parametrize("descriptors", [20, 40])
def test_a_limit_that_leaves_no_room_is_named_in_one_line(descriptors: int) -> None:
    """Of the actor system, and of its first actor."""
    program = (
        f"ulimit -n {descriptors}; exec {sys.executable} -m peerage crawl --seeds {'0' * 40}@127.0.0.1:1"
    )
    done = subprocess.run(["/bin/sh", "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert f"of at most {descriptors} file descriptors open (RLIMIT_NOFILE)" in line
