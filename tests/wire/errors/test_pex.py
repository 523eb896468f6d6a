"""Peer exchange messages that cannot be used."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    PexAddressError,
    PexKindError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PexKindError(), "a peer exchange message of no known kind"),
        (PexAddressError("x", 70000), "peer exchange: 'x' port 70000 is no address"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """In whole, for none of the message is taken."""
    assert str(error) == text
