"""The command `peerage new-reactor`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.commands.exit_status import FailureError, MistakeError

DEFAULT_CHANNEL = 0x70  # none of CometBFT's


class ChannelNumber(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click
    """A channel ID: 0..255, decimal or hexadecimal."""

    name = "channel"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Returns: the number. Raises: BadParameter."""
        if isinstance(value, int):
            return value
        try:
            number = int(value, 0)
        except ValueError:
            number = -1
        if not 0 < number <= 0xFF:
            self.fail(
                f"found {value!r}, allowed: 1 to 255, or 0x01 to 0xff; 0x00 is peer exchange's", param, ctx
            )
        return number


@click.command("new-reactor", epilog="Example: peerage new-reactor price_feed --channel 0x71")
@click.argument("name")
@click.option(
    "--channel",
    type=ChannelNumber(),
    metavar="ID",
    default=DEFAULT_CHANNEL,
    show_default="0x70",
    help="The reactor's channel, which no other reactor of its nodes may have.",
)
@click.option(
    "--async", "is_async", is_flag=True, help="Write it with async def, instead of plain functions."
)
def new_reactor(name: str, channel: int, *, is_async: bool) -> None:
    """Write the project of a new reactor into the folder NAME: typed messages, a reactor, tests that pass, a README.

    NAME becomes the name of its package. A folder that exists is refused.
    """
    from peerage.scaffold import Project, check_name, write_project

    folder = Path(name)
    check_name(name)
    if folder.exists() or folder.is_symlink():
        raise MistakeError(f"NAME: {name!r} exists here already; a new folder is expected")
    try:
        written = write_project(folder, Project(name, channel, is_async))
    except OSError as error:
        raise FailureError(f"{folder} cannot be written: {error.strerror or error}") from error
    for path in written:
        click.echo(f"wrote {folder / path}")
    click.echo(f"next: cd {folder} && pip install -e '.[test]' && pytest")
