"""The requests that wait for an answer: one per ID, and a bounded number per group and in all."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

MOST_OF_GROUP = 64  # IDs of one group of IP addresses that wait at once; each of them takes up a connection


class Turn(Struct, frozen=True, eq=False):
    """One ID that waits. Two turns are never equal.

    Args: group, of the IP address it asks from, None when groups are not counted; counts, whether the request is still to
        be counted when its turn comes.
    """

    node_id: str
    group: str | None
    counts: bool = True


class Turns:
    """All turns. A turn ends with the connection that waits for it, or when its ID takes another.

    An answer is selected only when its turn has come, so a waiting request needs no more memory than its turn.

    Args: most, how many may wait at once (None: no limit); most_of_group, how many of one group.
    """

    def __init__(self, most: int | None = None, most_of_group: int = MOST_OF_GROUP) -> None:
        self._most = most
        self._most_of_group = most_of_group
        self._turns: dict[str, Turn] = {}
        self._groups: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._turns)

    def take(self, node_id: str, group: str | None = None, *, counts: bool = True) -> Turn | None:
        """Take a turn; an earlier one of this ID ends. Returns: None when there is no room."""
        before = self._turns.get(node_id)
        if before is not None:
            self.end(before)
        if self._most is not None and len(self._turns) >= self._most:
            return None
        if group is not None and self._groups[group] >= self._most_of_group:
            return None
        turn = self._turns[node_id] = Turn(node_id, group, counts)
        if group is not None:
            self._groups[group] += 1
        return turn

    def end(self, turn: Turn) -> bool:
        """End a turn, because it has come or its connection is gone. Returns: False when it had ended before."""
        if self._turns.get(turn.node_id) is not turn:
            return False
        del self._turns[turn.node_id]
        if turn.group is not None:
            self._groups[turn.group] -= 1
            if not self._groups[turn.group]:
                del self._groups[turn.group]
        return True
