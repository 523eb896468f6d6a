"""The room's error tree."""

import pickle

import pytest

from peerage.supervisors import errors
from peerage.supervisors.errors import ChildError, SupervisorError

EXAMPLES: list[SupervisorError] = [
    errors.ChildSpecError("echo", "shutdown", "-1", "seconds"),
    errors.SupervisorGaveUpError("node", "switch", "killed by signal 9", 4, 3, 5.0),
    errors.ChildStartError("pex", "ValueError: no"),
    errors.PoolSizeError(0, 10_000),
    errors.PoolResizeError("hands", 2, "no"),
    errors.UnknownChildError("pex"),
    errors.ChildAlreadyStartedError("pex"),
    errors.ChildAlreadyPresentError("pex"),
    errors.ChildRunningError("pex"),
    errors.ChildRestartingError("pex"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_error_survives_pickling(error: SupervisorError) -> None:
    """The answer of a supervisor in another process arrives with its attributes and text."""
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)


def test_every_error_of_the_module_is_an_example_here() -> None:
    """A new error class cannot be left out of the pickling test."""
    classes = {value for value in vars(errors).values() if isinstance(value, type)}
    assert classes - {type(example) for example in EXAMPLES} == {SupervisorError, ChildError}


def test_giving_up_names_supervisor_child_cause_and_attempts() -> None:
    """The operator reads from one line who failed, why, and how often."""
    text = str(errors.SupervisorGaveUpError("node", "switch", "killed by signal 9", 4, 3, 5.0))
    for word in ("'node'", "'switch'", "restart 4", "5 s", "3 are allowed", "killed by signal 9"):
        assert word in text
