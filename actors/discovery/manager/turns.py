"""Who waits for an answer about addresses: one of each ID, a bounded number of each group and in all."""

from __future__ import annotations

from collections import Counter

from peerage.actors.discovery.value import unique_value

MOST_OF_GROUP = 64  # IDs of one group of IP addresses that wait at once; each costs a connection of its own


@unique_value
class Turn:
    """One ID's turn to come. Equal to none but itself.

    Args: group, of the IP address it asks from, None when those are not counted; counts, whether the request counts as
        made only when its turn has come.
    """

    node_id: str
    group: str | None
    counts: bool = True


class Turns:
    """All turns to come. Each ends with the connection that waits for it, and when its ID takes another.

    No answer is drawn before its turn has come, so that those who wait take no more room than this.

    Args: most, who wait at once (None: as many as there are connections); most_of_group, of one group.
    """

    def __init__(self, most: int | None = None, most_of_group: int = MOST_OF_GROUP) -> None:
        self._most = most
        self._most_of_group = most_of_group
        self._turns: dict[str, Turn] = {}
        self._groups: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._turns)

    def take(self, node_id: str, group: str | None = None, *, counts: bool = True) -> Turn | None:
        """Wait for a turn; an earlier one of this ID is over. Returns: None when there is no room."""
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
        """The turn has come, or the connection that waited is gone. Returns: False when it was over before."""
        if self._turns.get(turn.node_id) is not turn:
            return False
        del self._turns[turn.node_id]
        if turn.group is not None:
            self._groups[turn.group] -= 1
            if not self._groups[turn.group]:
                del self._groups[turn.group]
        return True
