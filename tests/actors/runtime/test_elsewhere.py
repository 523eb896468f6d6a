"""Places outside the system's own processes."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import RAY
from tests.actors.runtime.cast import Echo


@pytest.mark.parametrize("option", [{"fds": {"socket": 0}}, {"keep": True}, {"by_reference": True}])
def test_what_cannot_be_had_there_is_refused(option: dict[str, Any]) -> None:
    """Before anything is started, by the option's name."""
    with pytest.raises(ValueError, match=next(iter(option))):
        Echo.options(place=RAY(), **option)
