"""Defaults that are found on this machine."""

from __future__ import annotations

import os
import socket

import pytest

from peerage.config import host_defaults


@pytest.mark.parametrize(
    ("name", "moniker"),
    [
        ("node-7.example", "node-7.example"),
        ("my node\t\u00e9", "mynode"),
        ("", "anonymous"),
        ("\u00e9", "anonymous"),
    ],
)
def test_the_moniker_is_what_a_moniker_may_hold_of_the_hosts_name(
    monkeypatch: pytest.MonkeyPatch, name: str, moniker: str
) -> None:
    """ASCII without spaces, or CometBFT's word if nothing is left."""
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert host_defaults.host_moniker() == moniker


def test_a_host_without_a_name_is_anonymous(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError

    monkeypatch.setattr(socket, "gethostname", fail)
    assert host_defaults.host_moniker() == host_defaults.NAMELESS


@pytest.mark.parametrize(("allowed", "cores"), [({0}, 1), ({1, 3, 5}, 3), (set(), 1)])
def test_cores_are_those_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], cores: int
) -> None:
    """A container may be allowed fewer than the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: allowed)
    assert host_defaults.cores() == cores
