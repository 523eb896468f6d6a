"""The command `peerage`, and `python -m peerage`."""

import os
import sys


def leave_current_directory() -> None:
    """Take what `python -m` put first on the path off it: whose files lie there is not ours to trust.

    The command has no such entry. Nothing but what is part of the interpreter has been imported before.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib is a file
    except OSError:  # it was deleted: Python put nothing there
        return
    if not sys.flags.safe_path and sys.path[:1] == [here]:
        del sys.path[0]


if __name__ == "__main__":
    leave_current_directory()

from peerage.commands.interrupts import end_by_interrupts  # noqa: E402 - only now

NODE = "peerage.supervisors.node.node"  # imports all that a node runs
ASKS_FOR_HELP = {"--help", "-h"}


def main() -> None:
    """Run the command line. A node's fork server starts first: what both import takes each of them most of a second."""
    end_by_interrupts()
    try:
        arguments = sys.argv[1:]
        if "start" in arguments and ASKS_FOR_HELP.isdisjoint(arguments):
            from peerage.actors.runtime.processes import prelaunch as foundation

            foundation.lay((NODE,))
        from peerage.commands.cli import main as command_line

        command_line()
    finally:
        end_by_interrupts()


if __name__ == "__main__":
    main()
