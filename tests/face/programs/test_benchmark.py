"""The measurements of `peerage bench`: each for a moment, to see that it measures something. No figure is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.programs import benchmark

MOMENT_S = 0.05


@pytest.mark.parametrize(
    ("measure", "units"),
    [
        (benchmark.frames, {"sealed MB/s", "opened MB/s"}),
        (benchmark.loopback, {"MB/s"}),
        (benchmark.handshakes, {"handshakes/s"}),
    ],
)
def test_each_part_gives_a_figure_for_each_unit(measure: object, units: set[str]) -> None:
    assert callable(measure)
    figures = measure(MOMENT_S)
    assert set(figures) == units
    assert all(value > 0 for value in figures.values())


def test_what_is_received_is_counted_over_a_real_connection() -> None:
    """From reactor to reactor, with the processor time that it took."""
    figures = benchmark.between_ours(200, 0.2, small=True)
    assert figures["messages/s"] > 0
    assert 0 < figures["CPU s/GB"] < float("inf")


def test_nodes_to_measure_have_no_limits_and_serve_nothing(tmp_path: Path) -> None:
    """Except for what the measurement asks for."""
    config = benchmark.config_of(tmp_path, "a", {"send_rate": 5}, peer_hosts="2")
    assert (config.p2p.send_rate, config.p2p.recv_rate, config.rpc.laddr) == (5, 0, "")
    assert config.peerage.peer_hosts == 2
