"""How commands end: 0 done, 1 failed, 2 a mistake that the operator can correct; always with one clear line.

A command raises the error that it met: an OperatorError of `peerage.config` becomes exit code 2 without further ado, a
FailureError exit code 1.
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
