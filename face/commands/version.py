"""The command `peerage version`."""

import json

import click

from peerage.config.release import VERSION

P2P_PROTOCOL = 8  # reference 3
BLOCK_PROTOCOL = 11  # reference 3


@click.command(epilog="Example: peerage version --verbose")
@click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="Also show the protocols' versions and which form of the hot loops is used, as JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="As --verbose.")
def version(*, verbose: bool, as_json: bool) -> None:
    """Show peerage's version."""
    if verbose or as_json:
        from peerage.wire import accelerator

        shown = {
            "peerage": VERSION,
            "block_protocol": BLOCK_PROTOCOL,
            "p2p_protocol": P2P_PROTOCOL,
            "accelerator": accelerator.description,
        }
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(VERSION)
