import json
from importlib.metadata import version

from peerage.wire import accelerator
from tests.face.command_line import run


def test_version() -> None:
    """Only the version, as CometBFT prints its own."""
    assert run("version").stdout == f"{version('peerage')}\n"


def test_verbose_version() -> None:
    """With the protocols' versions and the form of the hot loops, as JSON."""
    shown = json.loads(run("version", "--verbose").stdout)
    assert shown == {
        "peerage": version("peerage"),
        "block_protocol": 11,
        "p2p_protocol": 8,
        "accelerator": accelerator.description,
    }
