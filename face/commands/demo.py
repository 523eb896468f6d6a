"""The command `peerage demo`."""

import signal
from types import FrameType

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.span import Span


@click.command("demo", epilog="Example: peerage demo --for 1m")
@click.option(
    "--for",
    "secs",
    type=Span(1, 86_400, "30s or 5m"),
    default="20s",
    show_default=True,
    help="How long it runs.",
)
@click.option(
    "--log-level",
    default="error",
    show_default=True,
    help="Log level of the nodes, which log to standard error.",
)
def demo(secs: float, log_level: str) -> None:
    """Run a small network on this machine and watch it.

    Four nodes on loopback find each other through a seed, and gossip. Needs no set-up and leaves nothing behind. Exit code
    1 if they did not find each other.
    """
    from rich.console import Console

    from peerage.config.logging import LogSettings, set_up_logging
    from peerage.programs.demo import run_demo
    from peerage.supervisors.node.errors import ListenError, NodeLimitError, NodeStartError

    try:
        set_up_logging(LogSettings(log_level))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--log-level") from error
    _stop_gently()
    try:
        found = run_demo(secs, Console(soft_wrap=True), log_level)
    except NodeLimitError as error:
        raise MistakeError(str(error)) from error
    except (ListenError, NodeStartError) as error:
        raise FailureError(str(error)) from error
    if not found:
        raise FailureError("the nodes did not find each other")


def _stop_gently() -> None:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does, and ignore further signals while it ends."""
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # ignored under nohup, for instance
    ]

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, stop)
