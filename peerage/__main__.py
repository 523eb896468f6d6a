"""The command `peerage`, and `python -m peerage`."""

import sys

NODE = "peerage.supervisors.node"  # imports all that a node runs
ASKS_FOR_HELP = {"--help", "-h"}


def main() -> None:
    """Run the command line. A node's fork server starts first: what both import takes each of them most of a second."""
    arguments = sys.argv[1:]
    if "start" in arguments and ASKS_FOR_HELP.isdisjoint(arguments):
        from peerage.actors.runtime import foundation

        foundation.lay((NODE,))
    from peerage.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
