"""Settings of the property tests in this folder."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes depends on what else this machine does; pytest-timeout bounds each test.
settings.register_profile("wire", deadline=None)
settings.load_profile("wire")
