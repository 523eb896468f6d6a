"""A browser for the module that needs one."""

from tests.actors.rpc.dashboard.conftest import browser

__all__ = ["browser"]
