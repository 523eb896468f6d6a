"""Running peerage's command line in this process."""

from click.testing import CliRunner, Result

from peerage.commands.cli import main


def run(*arguments: object) -> Result:
    """Run `peerage` with these arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
