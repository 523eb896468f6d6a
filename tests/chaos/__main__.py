"""`python -m tests.chaos [--secs 60] [--every 3]`: the long version of the kills in the suite."""

import argparse

from tests.chaos.kills import kill_for


def main() -> None:
    """Kill one process of a node after the other, and print how long it was not whole."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=main.__doc__)
    parser.add_argument("--secs", type=float, default=60.0, help="how long")
    parser.add_argument("--every", type=float, default=3.0, help="seconds from kill to kill")
    chosen = parser.parse_args()
    kills = kill_for(chosen.secs, chosen.every)
    print(f"longest: {max(kill.seconds for kill in kills):.2f} s")


if __name__ == "__main__":
    main()
