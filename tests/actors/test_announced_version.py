"""actors/announced_version.py: a version that clients can read."""

import re

import pytest

from peerage.actors.announced_version import ANNOUNCED_VERSION, announced_version
from peerage.wire.node_info import NodeInfo

# https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string, without pre-releases
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?")


@pytest.mark.parametrize("own", ["0.1.0", "1.0a1", "2.0.dev3+g1234.d2026", "1!0.1", "0.1.0+local_1"])
def test_version_is_cometbfts_with_ours_behind_a_plus(own: str) -> None:
    """tendermint-rpc parses it as a semantic version and wants 0.38; cosmjs looks at how it begins."""
    version = announced_version(own)
    match = SEMVER.fullmatch(version)
    assert match is not None
    assert match.group(1, 2) == ("0", "38")
    assert "+peerage." in version


def test_node_info_with_it_is_valid() -> None:
    """ASCII text, as every CometBFT wants it."""
    own = NodeInfo(
        id="a" * 40,
        listen_addr="1.2.3.4:5",
        network="n",
        version=ANNOUNCED_VERSION,
        moniker="m",
        channels=b"1",
    )
    own.validate()
