"""What tells one actor system from another.

Names repeat and serials begin again with every system, and a process may have several, one after the other; a forked child
remembers its parent's. Each system has a token, `Process.system`, that no other has; whatever leads to an actor carries it.
"""

from __future__ import annotations

import secrets

TOKEN_BYTES = 6  # of chance; refs carry the token, and are sent by the thousand


def new() -> str:
    """The token of a new system."""
    return secrets.token_urlsafe(TOKEN_BYTES)
