"""The version that this node tells others: the CometBFT release whose protocol it speaks, and which software does.

Clients choose by it how to talk: tendermint-rpc refuses what is not 0.34, 0.37 or 0.38, cosmjs looks at its beginning.
Ours stands behind a plus, as semantic versioning has it for what must not decide: https://semver.org/#spec-item-10
"""

from __future__ import annotations

import re
from typing import Final

from peerage.config.release import VERSION

__all__ = ["ANNOUNCED_VERSION", "COMETBFT_VERSION", "announced_version"]

COMETBFT_VERSION: Final = "0.38.26"  # the release that protocol and RPC are tested against
_NOT_IN_AN_IDENTIFIER: Final = re.compile(r"[^0-9A-Za-z.-]+")


def announced_version(own: str) -> str:
    """The version to announce. Args: own, of this package, in any form that Python allows."""
    return f"{COMETBFT_VERSION}+peerage.{_NOT_IN_AN_IDENTIFIER.sub('.', own)}"


ANNOUNCED_VERSION: Final = announced_version(VERSION)
