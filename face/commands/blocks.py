"""The command `peerage blocks`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.commands.options import PagedCommand
from peerage.commands.span import Span

HIGHEST = 2**63 - 2


@click.command(
    "blocks",
    cls=PagedCommand,
    epilog="Example: peerage blocks --genesis genesis.json --peers 00…ff@node.example.org:26656 --to 1000 --output b.jsonl",
)
@click.option("--network", metavar="ID", help="The network's chain ID.  [default: the genesis']")
@click.option("--peers", metavar="ID@HOST:PORT,…", help="Nodes to ask; each is dialled again when lost.")
@click.option("--seeds", metavar="ID@HOST:PORT,…", help="Nodes to ask for other nodes.")
@click.option(
    "--genesis",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The network's genesis, whose validators sign the first block.",
)
@click.option(
    "--trusted",
    metavar="HEIGHT:HASH",
    help="Begin with this block instead, whose hash you know to be right. Needs --rpc.",
)
@click.option(
    "--rpc",
    metavar="URL",
    help="A node to ask for the validators when they change. It need not be trusted: a hash proves what it says.",
)
@click.option(
    "--from",
    "first",
    type=click.IntRange(1, HIGHEST),
    metavar="HEIGHT",
    help="First block to write. Those before are fetched and checked, too.  [default: where the chain begins]",
)
@click.option(
    "--to",
    "last",
    type=click.IntRange(1, HIGHEST),
    metavar="HEIGHT",
    help="Last block to write.  [default: the last one that the next one proves]",
)
@click.option(
    "--output",
    metavar="FILE|DIR/",
    required=True,
    help="Where to write. FILE.jsonl: a line of JSON for each block. Another FILE: protobuf messages, each after its"
    " length. DIR/: a file for each block. What is there already is checked, and gone on with.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that check signatures.  [default: one per core]",
)
@click.option(
    "--timeout",
    type=Span(like="15s"),
    default="15s",
    show_default=True,
    help="Let a peer go that gives nothing for so long.",
)
@click.option(
    "--per-peer",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    metavar="N",
    help="Most blocks that one peer is asked for at a time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def blocks(
    network: str | None,
    peers: str | None,
    seeds: str | None,
    genesis: Path | None,
    trusted: str | None,
    rpc: str | None,
    first: int | None,
    last: int | None,
    output: str,
    workers: int | None,
    timeout: float,
    per_peer: int,
    *,
    as_json: bool,
) -> None:
    """Fetch a network's blocks from its nodes, and check who signed them.

    Nobody is trusted: each block must follow the one before, its hashes must be those of its content, and the validators'
    signatures in the next block must be right, which processes of their own check. A peer that gives a wrong block is named
    and let go, and the block fetched from another.

    Begins with the genesis, whose validators it names, or with a block that you trust. Blocks do not carry the validators'
    keys, only a hash of them: when that changes, --rpc says where to ask. A block is proved by the next one, so the chain's
    last block cannot be written yet.

    Exit code 0 if all blocks that were asked for are written, 1 if something kept it from that, with the reason; 2 if an
    option is wrong; 130 after Ctrl-C. Whatever the end, all blocks in the file are whole and proved.
    """
    from peerage.commands.blocks_run import Order, run_blocks

    run_blocks(
        Order(
            network=network,
            peers=peers,
            seeds=seeds,
            genesis=genesis,
            trusted=trusted,
            rpc=rpc,
            first=first,
            last=last,
            output=output,
            workers=workers,
            timeout=timeout,
            per_peer=per_peer,
            as_json=as_json,
        )
    )
