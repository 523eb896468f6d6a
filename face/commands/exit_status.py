"""How commands end: 0 done, 1 failed, 2 a mistake that the operator can mend. One clear line, no traceback.

A command raises what it met: an OperatorError of `peerage.config` ends with 2 by itself, and FailureError
with 1.
"""

import click

FAILURE = 1
MISTAKE = 2


class FailureError(click.ClickException):
    """The command was right and could not be done: exit code 1."""

    exit_code = FAILURE


class MistakeError(click.ClickException):
    """The operator asked for what cannot be: exit code 2.

    The message names what was given, its value, and what is expected.
    """

    exit_code = MISTAKE
