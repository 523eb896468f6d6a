"""Settings of the property tests in this folder, and the two forms of the hot loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from peerage.wire import accelerator, loops

# How long an example takes depends on what else this machine does; pytest-timeout bounds each test.
settings.register_profile("wire", deadline=None)
settings.load_profile("wire")

FORMS = {"python": loops} | ({"compiled": accelerator.compiled} if accelerator.compiled else {})


@pytest.fixture(params=FORMS, scope="module")
def form(request: pytest.FixtureRequest) -> Iterator[object]:
    """The loops in plain Python, then compiled where the extension is there; modules about frames and packets use it."""
    chosen = FORMS[request.param]
    accelerator.use(chosen)
    yield chosen
    accelerator.use(accelerator.compiled or loops)
