"""The version of this package."""

from importlib.metadata import version

from peerage.config.release import VERSION


def test_it_is_that_of_the_installed_package() -> None:
    """The build takes it from here."""
    assert version("peerage") == VERSION
