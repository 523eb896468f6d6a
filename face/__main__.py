"""The entry point of the command `peerage`, and of `python -m peerage`."""

import os
import sys


def leave_current_directory() -> None:
    """Remove the current directory, which `python -m` puts first on the path: we must not trust the files there.

    The installed command has no such entry. Only modules that are part of the interpreter have been imported by now.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib would be imported from a file
    except OSError:  # the directory was deleted, so Python did not put it on the path
        return
    if not sys.flags.safe_path and sys.path[:1] == [here]:
        del sys.path[0]


if __name__ == "__main__":
    leave_current_directory()

import gc  # noqa: E402 - the path is safe only now

from peerage.commands.interrupts import end_by_interrupts  # noqa: E402

STARTS_NOTHING = {"--help", "-h", "--dry-run", "--dry_run"}


def main() -> None:
    """Run the command line.

    For `start`, what the command and the hosts both need is imported first. Then the node's fork server is forked, so that
    it imports the rest of what the hosts need while the command imports its own.

    For `seed`, the log does without what it takes where there is a terminal.
    """
    end_by_interrupts()
    gc.disable()  # imports make little garbage; `CommandGroup` enables it before a command runs
    try:
        arguments = sys.argv[1:]
        if "start" in arguments and STARTS_NOTHING.isdisjoint(arguments):
            from peerage.commands.early_start import start_fork_server

            start_fork_server()
        elif "seed" in arguments:
            import peerage.config.structlog_alone  # noqa: F401 - this process is small, and stays
        from peerage.commands.cli import main as command_line

        command_line()
    except OSError as error:
        from peerage.commands.lost_output import STANDARD_ERROR, STANDARD_OUTPUT, give_up_output, is_lost

        if not is_lost(error):
            raise
        give_up_output(STANDARD_OUTPUT, STANDARD_ERROR)
        sys.exit(1)
    finally:
        end_by_interrupts()


if __name__ == "__main__":
    main()
