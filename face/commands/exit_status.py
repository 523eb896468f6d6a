"""How commands end: 0 done, 1 failed, 2 a mistake that the operator can correct; always with one clear line.

A command raises the error that it met: an OperatorError of `peerage.config` becomes exit code 2 without further ado, a
FailureError exit code 1.

What no try can better is a mistake: what is no address, a file that is not there. What another try may find otherwise is a
failure: nobody answers, or a name has no address at this moment. `peerage conform` alone counts these with the mistakes, for
its 1 says that a case has failed.
"""

import click

FAILURE = 1
MISTAKE = 2


class FailureError(click.ClickException):
    """The command was correct but could not be carried out: exit code 1."""

    exit_code = FAILURE


class MistakeError(click.ClickException):
    """The operator asked for something impossible: exit code 2.

    The message names what was given, its value, and what is expected.
    """

    exit_code = MISTAKE
