"""One case done on one connection, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from peerage.conformance.case import Case, Outcome
from peerage.conformance.visitor import Visitor, WrongAnswerError
from peerage.wire.errors import RemoteError

__all__ = ["GRACE_S", "Ending", "try_out"]

GRACE_S = 10.0  # for whoever should end a connection and does not at once
BRIEF_S = 0.3  # for one that may wait as long as it likes


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of it.

    Args: outcome; seconds, from the last that the case did to the end of the connection; wrong, what is wrong with that,
        or "".
    """

    outcome: Outcome
    seconds: float
    wrong: str = ""


def try_out(visitor: Visitor, case: Case, patience: float) -> Ending:
    """Do a case. Args: visitor, connected; patience, seconds for the end of a connection that must end."""
    began, wrong = time.monotonic(), ""
    try:
        try:
            case.act(visitor)
        except RemoteError:  # they go on with other keys, and we cannot read them
            if Outcome.SERVED in case.must:
                raise
        began = time.monotonic()
        outcome = _outcome(visitor, case, patience)
    except (AssertionError, WrongAnswerError) as error:
        outcome, wrong = Outcome.HELD, str(error)
    except RemoteError as error:
        outcome, wrong = Outcome.HELD, f"what the node says cannot be read: {error}"
    except TimeoutError:
        outcome = Outcome.HELD
    except OSError:
        outcome = Outcome.ENDED
    if not wrong and outcome not in case.must:
        wrong = f"{' or '.join(sorted(each.value for each in case.must))} was expected"
    return Ending(outcome, time.monotonic() - began, wrong)


def _outcome(visitor: Visitor, case: Case, patience: float) -> Outcome:
    if visitor.is_closed:
        return Outcome.LEFT
    if Outcome.SERVED in case.must:
        try:
            visitor.confirm()
        except ConnectionError:
            # A seed hangs up when it has answered.
            if visitor.claims.is_seed and case.asks_pex and visitor.has_addresses():
                return Outcome.SERVED
            raise
        if visitor.claims.is_seed and case.asks_pex:
            return Outcome.SERVED
        return Outcome.ENDED if visitor.wait_for_the_end(BRIEF_S) else _served(visitor)
    if Outcome.HELD in case.must:
        return Outcome.ENDED if visitor.wait_for_the_end(BRIEF_S) else Outcome.HELD
    lenient = visitor.has_joined and visitor.answers_pings
    if visitor.wait_for_the_end(min(GRACE_S, patience) if lenient else patience):
        return Outcome.ENDED
    return _served(visitor) if visitor.has_joined else Outcome.HELD


def _served(visitor: Visitor) -> Outcome:
    visitor.confirm()
    return Outcome.SERVED
