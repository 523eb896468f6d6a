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

from peerage.commands.interrupts import end_by_interrupts  # noqa: E402 - the path is safe only now

NODE = "peerage.supervisors.node.node"  # imports everything that a node runs
ASKS_FOR_HELP = {"--help", "-h"}


def main() -> None:
    """Run the command line.

    For `start`, the node's fork server is started first, so that it and the command line import their modules, most of a
    second for each, at the same time.
    """
    end_by_interrupts()
    try:
        arguments = sys.argv[1:]
        if "start" in arguments and ASKS_FOR_HELP.isdisjoint(arguments):
            from peerage.actors.runtime.processes import prelaunch

            prelaunch.start((NODE,))
        from peerage.commands.cli import main as command_line

        command_line()
    finally:
        end_by_interrupts()


if __name__ == "__main__":
    main()
