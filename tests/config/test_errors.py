import pickle

import pytest

from peerage.config import errors
from peerage.config.errors import (
    ConfigError,
    HomeError,
    HomeInUseError,
    Mistake,
    NodeKeyAccessError,
    NodeKeyContentError,
    NodeKeyExistsError,
    NodeKeyMissingError,
    NodeKeyModeError,
    OperatorError,
    UnfitValueError,
)

MISTAKE = Mistake("p2p.pex", "flag --p2p.pex", '"maybe"', "true or false")
EXAMPLES = [
    ConfigError([MISTAKE]),
    ConfigError([MISTAKE, MISTAKE]),
    HomeError("/h", "no"),
    HomeInUseError("/h", "a node", 7, "00@127.0.0.1:26656", "elsewhere"),
    HomeInUseError("/h", "another process", None),
    NodeKeyMissingError("/k"),
    NodeKeyExistsError("/k"),
    NodeKeyAccessError("/k", "no"),
    NodeKeyModeError("/k", 0o644),
    NodeKeyContentError("/k", "no"),
    UnfitValueError(5, "more"),
]


def _tree(error: type[BaseException]) -> set[type[BaseException]]:
    return {error}.union(*(_tree(child) for child in error.__subclasses__()))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error: Exception) -> None:
    """An error arrives in another process with its text and details."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_every_leaf_has_an_example() -> None:
    """The docstring draws the real tree, and this module tests every error in it."""
    ours = {error for error in _tree(OperatorError) if error.__module__ == errors.__name__}
    leaves = {error for error in ours if not set(error.__subclasses__()) & ours}
    assert leaves <= {type(example) for example in EXAMPLES}
    for error in ours:
        assert error.__name__ in (errors.__doc__ or "")


def test_one_mistake_is_one_line() -> None:
    """It has the key, the source, what was found, and what is allowed."""
    assert str(ConfigError([MISTAKE])) == 'p2p.pex: found "maybe" (flag --p2p.pex), allowed: true or false'
    assert len(str(ConfigError([MISTAKE, MISTAKE])).splitlines()) == 3
